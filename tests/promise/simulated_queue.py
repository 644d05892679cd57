"""A queue with everything that a queue of the platform may do wrong."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from notification.ports.platform import QueueError, QueueMessage

BATCH = 10
MAX_RETRIES = 3
"""The consumer's settings in the deployed stack."""


@dataclass
class Waiting:
    """A message that nobody gets before `due` (loop seconds)."""

    body: Any
    due: float
    attempts: int = 1


class Delivered:
    """A message in a consumer's hands, and what became of it."""

    def __init__(self, waiting: Waiting) -> None:
        self.body: Any = waiting.body
        self.attempts = waiting.attempts
        self.outcome: str | int | None = None

    def acknowledge(self) -> None:
        """As `IncomingMessage.acknowledge`."""
        self.outcome = "acknowledged"

    def retry(self, delay_s: int) -> None:
        """As `IncomingMessage.retry`."""
        self.outcome = delay_s


@dataclass(frozen=True)
class QueueFaults:
    """Chances between 0 and 1, for each message at its sending."""

    lose: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    """By up to ten minutes: reordering included."""


Consumer = Callable[[str, Sequence[Delivered]], Awaitable[bool]]
"""Gets a queue's name and a batch; False where the process ended while it was at work."""


@dataclass
class SimulatedQueue:
    """At least once and in no order; a message that was retried too often goes to `dead`.

    Attributes:
        down: makes `send` fail, with nothing taken.
        answer_lost: makes `send` fail although the messages were taken.
        batch: how many messages a consumer gets at once.
        concurrency: how many batches are delivered at once.
        newer: how another version would write a message.
    """

    name: str
    loop: asyncio.AbstractEventLoop
    consumer: Consumer
    chance: random.Random
    dead: SimulatedQueue | None = None
    faults: QueueFaults = QueueFaults()
    down: bool = False
    answer_lost: bool = False
    delivering: bool = True
    batch: int = BATCH
    concurrency: int = 250
    newer: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    waiting: list[Waiting] = field(default_factory=list)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _batches: set[asyncio.Task[None]] = field(default_factory=set)

    async def send(self, messages: Sequence[QueueMessage]) -> None:
        """As the port says."""
        if self.down:
            raise QueueError("the queue is down")
        for message in messages:
            body = json.loads(json.dumps(dict(message.body)))
            self._take(self.newer(body) if self.newer else body, message.delay_s)
        self._woken.set()
        if self.answer_lost:
            raise QueueError("the connection broke")

    def _take(self, body: Any, delay_s: float) -> None:
        now = self.loop.time()
        if self.chance.random() < self.faults.lose:
            return
        copies = 2 if self.chance.random() < self.faults.duplicate else 1
        for _ in range(copies):
            late = self.chance.uniform(0, 600) if self.chance.random() < self.faults.delay else 0
            self.waiting.append(Waiting(body, now + delay_s + late))

    def put(self, body: Any) -> None:
        """Somebody else's message, due at once."""
        self.waiting.append(Waiting(body, self.loop.time()))
        self._woken.set()

    async def run(self) -> None:
        """Deliver without end; each batch on its own, so that none waits for another."""
        while True:
            self._woken.clear()
            now = self.loop.time()
            free = self.delivering and len(self._batches) < self.concurrency
            due = [w for w in self.waiting if w.due <= now][: self.batch] if free else []
            if due:
                for waiting in due:
                    self.waiting.remove(waiting)
                task = self.loop.create_task(self._deliver(due))
                self._batches.add(task)
                task.add_done_callback(self._delivered)
                continue
            pause = min((w.due - now for w in self.waiting), default=3600.0)
            try:
                async with asyncio.timeout(max(pause, 0.001) if free else 3600.0):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _delivered(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        self._woken.set()

    def wake(self) -> None:
        """Something outside has changed."""
        self._woken.set()

    async def _deliver(self, due: Sequence[Waiting]) -> None:
        batch = [Delivered(waiting) for waiting in due]
        lived = await self.consumer(self.name, batch)
        now = self.loop.time()
        for waiting, delivered in zip(due, batch, strict=True):
            # What a handler decided counts only once the handler has ended.
            delay = 30.0 if not lived else delivered.outcome
            if not isinstance(delay, int | float):
                continue
            if waiting.attempts > MAX_RETRIES:
                if self.dead is not None:
                    self.dead.put(waiting.body)
                continue
            self.waiting.append(Waiting(waiting.body, now + delay, waiting.attempts + 1))
