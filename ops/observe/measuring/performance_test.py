"""Many requests side by side, and how long each took."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ops.observe.tail.line_statistics import duration_figures
from ops.stacks.errors import ServiceError
from ops.stacks.service import ServiceClient

Call = Callable[[ServiceClient, int], int]
"""Makes the call of that number and returns its HTTP status."""


@dataclass(frozen=True)
class Measured:
    """What one kind of request did.

    Attributes:
        name: what was called.
        statuses: how many answers of each HTTP status; 0 stands for no answer.
        durations: milliseconds of each request, connection included where it was a new one.
        seconds: how long all took together.
    """

    name: str
    statuses: Counter[int]
    durations: list[float]
    seconds: float

    @property
    def failed(self) -> int:
        """Requests without an answer, or with a status of 400 or more."""
        return sum(count for status, count in self.statuses.items() if not 200 <= status < 400)

    def document(self) -> dict[str, Any]:
        """Return the figures for ``--json``."""
        return {
            "name": self.name,
            "requests": len(self.durations),
            "failed": self.failed,
            "per_second": round(len(self.durations) / self.seconds, 1) if self.seconds else None,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            **duration_figures(self.durations),
        }


@dataclass(frozen=True)
class PerformanceTest:
    """Measures one service.

    Attributes:
        connect: opens a client; each worker keeps its own.
        requests: how many calls of each kind.
        concurrency: how many at once.
    """

    connect: Callable[[], ServiceClient]
    requests: int
    concurrency: int

    def measure(self, name: str, call: Call) -> Measured:
        """Make all calls of one kind. A call that fails is counted and stops nothing."""
        own = threading.local()
        clients: list[ServiceClient] = []
        statuses: Counter[int] = Counter()
        durations: list[float] = []

        def begin() -> None:
            own.client = self.connect()
            clients.append(own.client)

        def one(number: int) -> None:
            started = time.perf_counter()
            try:
                status = call(own.client, number)
            except ServiceError as error:
                status = error.status or 0
            durations.append((time.perf_counter() - started) * 1000)
            statuses[status] += 1

        started = time.perf_counter()
        try:
            with ThreadPoolExecutor(self.concurrency, initializer=begin) as pool:
                for _ in pool.map(one, range(self.requests)):
                    pass
        finally:
            for client in clients:
                client.__exit__(None, None, None)
        return Measured(name, statuses, durations, time.perf_counter() - started)
