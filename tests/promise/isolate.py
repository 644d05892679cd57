"""One process that runs the Worker, and its sudden end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, TypeVar

from notification.app.platform import IsolateMemory
from notification.ports.database import Database, Result, Statement
from notification.ports.outbound import OutboundAnswer, OutboundHttp, OutboundRequest
from notification.ports.platform import Clock, LogSink, Queue, QueueMessage
from notification.settings import Settings

T = TypeVar("T")

HERE: ContextVar[Isolate] = ContextVar("HERE")
"""The isolate in which the running task belongs."""


@dataclass
class Subrequests:
    """How often one invocation has called out: database, queues, endpoints."""

    count: int = 0


CALLS: ContextVar[Subrequests] = ContextVar("CALLS")


@dataclass(frozen=True)
class Cut:
    """End the process at its `call`-th await of a port from now, counting from 1.

    `after` lets the call take effect first; only its answer is lost then.
    """

    call: int
    after: bool


@dataclass
class Isolate:
    """Tasks and memory that end together.

    A real process that is killed runs no `except` and no `finally`: from that moment none of its
    port calls has an effect, and none returns.

    Attributes:
        settings: what the version was uploaded with.
        memory: what it remembers between invocations.
        died_at: the port call at which it ended, for reports.
        died: the second at which it ended; None while it lives.
    """

    loop: asyncio.AbstractEventLoop
    settings: Settings
    memory: IsolateMemory
    cut: Cut | None = None
    alive: bool = True
    died_at: str = ""
    died: float | None = None
    last_call: str = "idle"
    # In the order of their start, so that a history is the same each time.
    _tasks: dict[asyncio.Task[Any], None] = field(default_factory=dict)

    def start(
        self, work: Coroutine[Any, Any, T], calls: Subrequests | None = None
    ) -> asyncio.Task[T]:
        """Run `work` in this process: an invocation of its own unless `calls` says whose it is."""
        context = copy_context()
        context.run(HERE.set, self)
        context.run(CALLS.set, calls or Subrequests())
        return self.loop.create_task(work, context=context)

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Let `task` end with this process."""
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def kill(self, at: str = "") -> None:
        """SIGKILL."""
        if not self.alive:
            return
        self.alive, self.died_at = False, at or self.last_call
        self.died = self.loop.time()
        for task in list(self._tasks):
            task.cancel()

    async def call(self, name: str, effect: Callable[[], Awaitable[T]]) -> T:
        """One await of a port."""
        if not self.alive:
            raise asyncio.CancelledError
        self.last_call = name
        if name != "sleeping":
            CALLS.get().count += 1
        dies = False
        if self.cut is not None:
            self.cut = Cut(self.cut.call - 1, self.cut.after)
            dies = self.cut.call <= 0
        if dies and self.cut is not None and not self.cut.after:
            self._die(f"before {name}")
        result = await effect()
        if dies:
            self._die(f"after {name}")
        return result

    def _die(self, at: str) -> None:
        self.kill(at)
        raise asyncio.CancelledError


def _stage(statements: Sequence[Statement]) -> str:
    """Return what a batch does, in words."""
    text = " ".join(s.sql for s in statements)
    for mark, name in (
        ("INSERT INTO notification_logs", "accepting"),
        ("SET\n  status", "recording the outcome"),
        ("SET lease_token", "claiming"),
        ("INTERRUPTED", "sweeping"),
        ("scheduled_tasks", "the run lock"),
        ("moved to DLQ", "marking a dead letter"),
    ):
        if mark in text:
            return f"D1: {name}"
    return "D1: reading"


class IsolatedDatabase:
    """A database whose calls are awaits of their isolate."""

    def __init__(self, inner: Database, isolate: Isolate) -> None:
        self._inner, self._isolate = inner, isolate

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """As the port says."""
        return await self._isolate.call(_stage(statements), lambda: self._inner.batch(statements))


class IsolatedQueue:
    """A queue whose calls are awaits of their isolate."""

    def __init__(self, inner: Queue, isolate: Isolate) -> None:
        self._inner, self._isolate = inner, isolate

    async def send(self, messages: Sequence[QueueMessage]) -> None:
        """As the port says."""
        await self._isolate.call("queue: sending", lambda: self._inner.send(messages))


class IsolatedOutbound:
    """The outbound port whose calls are awaits of their isolate."""

    def __init__(self, inner: OutboundHttp, isolate: Isolate) -> None:
        self._inner, self._isolate = inner, isolate

    async def send(self, request: OutboundRequest) -> OutboundAnswer:
        """As the port says."""
        return await self._isolate.call("endpoint", lambda: self._inner.send(request))


class IsolatedClock:
    """A clock whose `sleep` is an await of its isolate."""

    def __init__(self, inner: Clock, isolate: Isolate) -> None:
        self._inner, self._isolate = inner, isolate

    def now_ms(self) -> int:
        """As the port says."""
        return self._inner.now_ms()

    async def sleep(self, ms: int) -> None:
        """As the port says."""
        await self._isolate.call("sleeping", lambda: self._inner.sleep(ms))


class IsolatedLogSink:
    """A log sink to which a dead process writes nothing."""

    def __init__(self, inner: LogSink, isolate: Isolate) -> None:
        self._inner, self._isolate = inner, isolate

    def write(self, level: str, line: str) -> None:
        """As the port says."""
        if self._isolate.alive:
            self._inner.write(level, line)
