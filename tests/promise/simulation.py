"""The whole service on virtual time: isolates that can be killed, queues, cron, endpoints."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from notification.app.platform import IsolateMemory, PlatformPorts
from notification.ports.database import Database
from notification.settings import Settings
from notification.storage.shards import ShardDatabase
from tests.promise.isolate import (
    CALLS,
    HERE,
    Isolate,
    IsolatedClock,
    IsolatedDatabase,
    IsolatedLogSink,
    IsolatedOutbound,
    IsolatedQueue,
    Subrequests,
)
from tests.promise.simulated_database import Failures, SimulatedDatabase
from tests.promise.simulated_endpoints import SimulatedEndpoints
from tests.promise.simulated_queue import Delivered, SimulatedQueue
from tests.promise.virtual_time import LoopClock, VirtualTimeLoop
from tests.worker.caller import Answer
from tests.worker.surroundings import SeededRandomness
from tests.worker.world import World

CRON_S = 300


@dataclass
class Request:
    """A call to the service; `answer` is None until it came, and stays so if it was lost.

    Attributes:
        begun: when it was made, in seconds since the start.
        begun_ms: the same on the service's clock, which may be set afterwards.
        ended: when its answer came.
    """

    task: asyncio.Task[Answer]
    isolate: Isolate
    begun_ms: int
    begun: float = 0
    ended: float | None = None

    def __post_init__(self) -> None:
        self.begun = self.isolate.loop.time()
        self.task.add_done_callback(self._end)

    def _end(self, _: asyncio.Task[Answer]) -> None:
        self.ended = self.isolate.loop.time()

    @property
    def answer(self) -> Answer | None:
        """The answer that the caller got; None if it never came."""
        if not self.task.done() or self.task.cancelled():
            return None
        return self.task.result()


class Simulation(World):
    """A world whose time is an event loop's. Everything in it happens on that loop.

    Attributes:
        failures: those of the databases.
        deaths: for each killed process, the await at which it ended.
        died: when they ended, in seconds since the start.
        cron_runs: whether the cron fires.
        subrequests: for each batch and firing ("cron") how often it called out.
    """

    def __init__(self, seed: int = 1, shards: int = 1) -> None:
        self.loop = VirtualTimeLoop()
        self.loop.set_task_factory(_adopting)
        self.chance = random.Random(seed)  # noqa: S311 - histories must be repeatable
        super().__init__(shards=shards)
        self.clock: Any = LoopClock(self.loop)
        self.randomness = SeededRandomness(seed)
        self.failures = Failures()
        self.sqlite = self.sqlites[0]
        self.database, *self.further = (
            SimulatedDatabase(each, self.chance, self.failures) for each in self.sqlites
        )
        self.endpoints: Any = SimulatedEndpoints()
        self.failed_queue: Any = SimulatedQueue(
            "failed-queue", self.loop, self._consume, self.chance
        )
        self.retry_queue: Any = SimulatedQueue(
            "retry-queue", self.loop, self._consume, self.chance, dead=self.failed_queue
        )
        self.deaths: list[str] = []
        self.died: list[float] = []
        self.cron_runs = True
        self.subrequests: list[tuple[str, int]] = []
        self.isolates = [self.new_isolate(), self.new_isolate()]
        self._background = [
            self.loop.create_task(work)
            for work in (self.retry_queue.run(), self.failed_queue.run(), self._cron_clock())
        ]

    def new_isolate(self) -> Isolate:
        """Return a process with empty memory and the current secrets."""
        return Isolate(self.loop, Settings.read(self.environment), IsolateMemory())

    def platform(self) -> PlatformPorts:
        """The ports, as the isolate of the running task has them."""
        isolate = HERE.get()

        def keep_alive(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
            return isolate.start(work, CALLS.get())

        database = IsolatedDatabase(self.database, isolate)
        further = [IsolatedDatabase(each, isolate) for each in self.further]
        databases: tuple[Database, ...] = (
            database,
            *(ShardDatabase(database, each) for each in further),
        )
        return replace(
            super().platform(),
            settings=isolate.settings,
            database=database,
            databases=databases if further else (),
            retry_queue=IsolatedQueue(self.retry_queue, isolate),
            failed_queue=IsolatedQueue(self.failed_queue, isolate),
            outbound=IsolatedOutbound(self.endpoints, isolate),
            clock=IsolatedClock(self.clock, isolate),
            log_sink=IsolatedLogSink(self.log_sink, isolate),
            keep_alive=keep_alive,
            memory=isolate.memory,
        )

    def living(self) -> Isolate:
        """One of the processes; the platform replaces those that ended."""
        for index, isolate in enumerate(self.isolates):
            if not isolate.alive:
                self.deaths.append(isolate.died_at)
                self.died.append(isolate.died or 0)
                self.isolates[index] = self.new_isolate()
        return self.chance.choice(self.isolates)

    def begin(
        self, method: str, target: str, body: Any, *, headers: dict[str, str] | None = None
    ) -> Request:
        """Start a signed request; it goes on while time passes."""
        isolate = self.living()
        key = isolate.settings.api_secret_key

        async def call() -> Answer:
            return await self.answer_to(method, target, body, key=key, headers=headers)

        return Request(isolate.start(call()), isolate, self.clock.ms)

    def request(self, method: str, target: str, body: Any = None, **options: Any) -> Answer:
        """One signed request from its start to its answer."""
        begun = self.begin(method, target, body)
        self.loop.run_until_complete(asyncio.wait([begun.task]))
        assert begun.answer is not None, "the process ended before it answered"
        return begun.answer

    def hang_up(self, request: Request) -> None:
        """Let the caller hang up: its handler ends, and what it keeps alive goes on."""
        if not request.task.done():
            request.task.cancel()

    def pass_time(self, seconds: float) -> None:
        """Let queues, cron and requests work for that long."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return self.loop.time()

    async def _consume(self, queue: str, batch: Sequence[Delivered]) -> bool:
        isolate = self.living()

        async def consume() -> None:
            await self.service.consume(queue, batch, self.platform())

        calls = Subrequests()
        [done], _ = await asyncio.wait([isolate.start(consume(), calls)])
        self.subrequests.append((queue, calls.count))
        return isolate.alive and not done.cancelled() and done.exception() is None

    async def _cron_clock(self) -> None:
        while True:
            await asyncio.sleep(CRON_S - self.loop.time() % CRON_S)
            if self.cron_runs:
                await self.run_cron_once()

    async def run_cron_once(self) -> None:
        """Fire the cron once; a failure is for the platform to show."""

        async def handle() -> None:
            await self.service.run_cron(self.platform())

        calls = Subrequests()
        [done], _ = await asyncio.wait([self.living().start(handle(), calls)])
        self.subrequests.append(("cron", calls.count))
        if not done.cancelled():
            done.exception()

    def logs(self) -> list[dict[str, Any]]:
        """All notification rows, oldest first."""
        found = self.rows("SELECT * FROM notification_logs ORDER BY id")
        # While rows are moved they may stand in two databases.
        return list({row["id"]: row for row in found}.values())

    def keys(self) -> list[dict[str, Any]]:
        """All idempotency records, with their message ids as a list."""
        rows = self.rows("SELECT * FROM idempotency_keys")
        return [{**row, "message_ids": json.loads(row["message_ids"])} for row in rows]

    def __enter__(self) -> Simulation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for isolate in self.isolates:
            isolate.kill("the end of the test")
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()
        for sqlite in self.sqlites:
            sqlite.connection.close()


def _adopting(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    context = options.get("context")
    isolate = HERE.get(None) if context is None else context.get(HERE)
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    if isolate is not None:
        isolate.adopt(task)
    return task
