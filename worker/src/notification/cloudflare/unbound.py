"""Stand-ins for bindings that the deployment doesn't have: they say so when they are used."""

from collections.abc import Sequence
from typing import NoReturn

from notification.errors import ServiceError
from notification.ports.database import Result, Statement
from notification.ports.platform import QueueError, QueueMessage


def _no_cache() -> NoReturn:
    raise ServiceError("KV_NOT_BOUND", "KV namespace not bound")


class UnboundDatabase:
    """A database that answers every call with `D1_NOT_BOUND`."""

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Raise `ServiceError` D1_NOT_BOUND."""
        raise ServiceError("D1_NOT_BOUND", "D1 database not bound")


class UnboundCache:
    """A cache that answers every call with `KV_NOT_BOUND`."""

    async def get(self, key: str) -> str | None:
        """Raise `ServiceError` KV_NOT_BOUND."""
        _no_cache()

    async def put(self, key: str, value: str, *, ttl_s: int) -> None:
        """Raise `ServiceError` KV_NOT_BOUND."""
        _no_cache()

    async def delete(self, key: str) -> None:
        """Raise `ServiceError` KV_NOT_BOUND."""
        _no_cache()

    async def count(self) -> int:
        """Raise `ServiceError` KV_NOT_BOUND."""
        _no_cache()


class UnboundQueue:
    """A queue that fails as if it were down: the sweep finds the rows later."""

    def __init__(self, binding: str) -> None:
        self._binding = binding

    async def send(self, messages: Sequence[QueueMessage]) -> None:
        """Raise `QueueError`."""
        raise QueueError(f"{self._binding} is not bound")
