"""Pulumi's engine for stacks whose providers live on this machine."""

from localcloud.engine.engine import EmbeddedEngine
from localcloud.engine.errors import EngineError, NotLoopback, StackLocked
from localcloud.engine.event import EngineEvent
from localcloud.engine.passphrase import encrypt_config_value, new_encryption_salt
from localcloud.engine.result import UpdateResult

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
