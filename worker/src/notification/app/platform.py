"""The platform object that every invocation gets."""

from asyncio import FIRST_COMPLETED, Task, ensure_future, shield, wait
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, TypeVar

from notification.ports.database import Database
from notification.ports.outbound import OutboundHttp
from notification.ports.platform import (
    Aead,
    Cache,
    Clock,
    DataPoints,
    LogSink,
    Memory,
    Platform,
    Queue,
    Randomness,
    RateLimiter,
    VersionMetadata,
)
from notification.settings import Settings

T = TypeVar("T")


class IsolateMemory:
    """One object of each class that is asked for: caches and counters of one isolate."""

    __slots__ = ("_objects",)

    def __init__(self) -> None:
        self._objects: dict[type, Any] = {}

    def of(self, kind: type[T]) -> T:
        """Return the object of a class, made on the first call."""
        found: T | None = self._objects.get(kind)
        if found is None:
            found = self._objects[kind] = kind()
        return found


# Without comparison and repr: a starting isolate compiles each method that is generated.
@dataclass(slots=True, eq=False, repr=False)
class PlatformPorts:
    """The ports of one invocation; implements `notification.ports.platform.Platform`.

    Attributes:
        databases: all databases, the first one first; empty where there is one.
    """

    settings: Settings
    database: Database
    cache: Cache
    retry_queue: Queue
    failed_queue: Queue
    outbound: OutboundHttp
    aead: Aead
    clock: Clock
    randomness: Randomness
    log_sink: LogSink
    version: VersionMetadata
    bound: frozenset[str]
    address_limiter: RateLimiter | None
    recipient_limiter: RateLimiter | None
    calls: DataPoints | None
    memory: Memory
    keep_alive: Callable[[Coroutine[Any, Any, Any]], Task[Any]]
    shard: int = field(default=0, kw_only=True)
    databases: Sequence[Database] = field(default=(), kw_only=True)

    @property
    def is_sharded(self) -> bool:
        """Whether users are spread over several databases."""
        return bool(self.databases)

    @property
    def shards(self) -> Sequence[Platform]:
        """The platform on each of the databases."""
        if not self.databases:
            return (self,)
        return [self._at(shard) for shard in range(len(self.databases))]

    @property
    def everywhere(self) -> Database:
        """All databases as one."""
        if not self.databases:
            return self.database
        # Imported where there are several databases.
        from notification.storage.shards import AllShards

        return AllShards(self)

    async def for_user(self, user_id: str) -> Platform:
        """Return the platform with the user's database."""
        if not self.databases:
            return self
        from notification.storage.shards import shard_for

        return self._at(await shard_for(user_id, self))

    def _at(self, shard: int) -> "PlatformPorts":
        other = copy(self)
        other.shard, other.database = shard, self.databases[shard]
        return other

    async def gathered(
        self, works: Sequence[Coroutine[Any, Any, T]], within_s: float
    ) -> AsyncIterator[list[T]]:
        """Run works side by side, each in a task, and yield the results of those that are done."""
        waiting = {ensure_future(work) for work in works}
        while waiting:
            done, waiting = await wait(waiting, timeout=within_s)
            while waiting and not done:
                done, waiting = await wait(waiting, return_when=FIRST_COMPLETED)
            yield [task.result() for task in done]

    async def run_to_completion(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of work that goes on if the client hangs up."""
        result: T = await shield(self.keep_alive(work))
        return result
