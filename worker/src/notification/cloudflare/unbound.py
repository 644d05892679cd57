"""Stand-ins for bindings that the deployment lacks: they say so when they are used."""

from collections.abc import Sequence
from typing import NoReturn

from notification.errors import ServiceError
from notification.ports.database import Result, Statement
from notification.ports.platform import QueueError, QueueMessage


def _no_cache() -> NoReturn:
    raise ServiceError("KV_NOT_BOUND", "KV namespace not bound")


class UnboundDatabase:
    """Answers every call with `D1_NOT_BOUND`."""

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Raises `ServiceError`."""
        raise ServiceError("D1_NOT_BOUND", "D1 database not bound")


class UnboundCache:
    """Answers every call with `KV_NOT_BOUND`."""

    async def get(self, key: str) -> str | None:
        """Raises `ServiceError`."""
        _no_cache()

    async def put(self, key: str, value: str, *, ttl_s: int) -> None:
        """Raises `ServiceError`."""
        _no_cache()

    async def delete(self, key: str) -> None:
        """Raises `ServiceError`."""
        _no_cache()

    async def count(self) -> int:
        """Raises `ServiceError`."""
        _no_cache()


class UnboundQueue:
    """Fails like a queue that is down: the sweep finds the rows later."""

    def __init__(self, binding: str) -> None:
        self._binding = binding

    async def send(self, messages: Sequence[QueueMessage]) -> None:
        """Raises `QueueError`."""
        raise QueueError(f"{self._binding} is not bound")
