"""Names of properties: Cloudflare's snake_case on the wire, Pulumi's camelCase in programs."""

from __future__ import annotations

import re
from typing import Any

_BOUNDARY = re.compile(r"[_/]+([a-z0-9])")
_UPPER = re.compile(r"(?<=[a-z0-9])([A-Z])")
#: Annotations are namespaced by a slash on the wire.
_SLASHED = {
    "workersMessage": "workers/message",
    "workersTag": "workers/tag",
    "workersTriggeredBy": "workers/triggered_by",
}


def camel(name: str) -> str:
    """``read_replication`` → ``readReplication``; ``workers/tag`` → ``workersTag``."""
    return _BOUNDARY.sub(lambda match: match[1].upper(), name)


def snake(name: str) -> str:
    """The wire's name of a property; the inverse of ``camel``."""
    return _SLASHED.get(name) or _UPPER.sub(lambda match: f"_{match[1]}", name).lower()


def to_wire(value: Any) -> Any:
    """A property value with the wire's names all the way down."""
    if isinstance(value, dict):
        return {snake(key): to_wire(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_wire(item) for item in value]
    return value


def from_wire(value: Any) -> Any:
    """An answer with Pulumi's names all the way down; nulls inside objects are left out, as the
    real provider leaves them out of its outputs.
    """
    if isinstance(value, dict):
        return {camel(key): from_wire(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [from_wire(item) for item in value]
    return value
