"""Pulumi's engine for stacks whose providers live on this machine."""

from engine.engine import EmbeddedEngine
from engine.errors import EngineError, NotLoopback, StackLocked
from engine.passphrase import encrypt_config_value, new_encryption_salt
from engine.report import EngineEvent, UpdateResult

__all__ = [
    "EmbeddedEngine",
    "EngineError",
    "EngineEvent",
    "NotLoopback",
    "StackLocked",
    "UpdateResult",
    "encrypt_config_value",
    "new_encryption_salt",
]
