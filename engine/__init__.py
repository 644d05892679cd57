"""Pulumi's engine for stacks whose providers live on this machine."""

from engine.engine import EmbeddedEngine
from engine.errors import EngineError, NotLoopback, StackLocked
from engine.event import EngineEvent
from engine.passphrase import encrypt_config_value, new_encryption_salt
from engine.result import UpdateResult

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
