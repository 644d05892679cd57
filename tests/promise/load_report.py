"""The report of a run under load."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Sample:
    """One look at the service; `at` is seconds after the load began.

    Attributes:
        memory: proportional set size of the Worker's process, MB.
        interpreter: the interpreter's linear memory, MB.
        alive: MB alive in V8's heap after each full collection so far.
        store: the same of the database's process.
        waiting: notifications that wait for a retry.
        messages: messages on both queues.
    """

    at: float
    memory: float
    interpreter: float
    alive: tuple[float, ...]
    store: float
    waiting: int
    messages: int


@dataclass
class LoadReport:
    """The measurements of one run.

    Attributes:
        most_per_second: what the service answered at most, with as many callers as it took.
        per_second: what it was then asked for.
        latencies: seconds from the moment a call was due to its answer; `slow` ones are those to
            the slow endpoint, whose answer they wait for.
        lost: accepted notifications without a row, or sent without a delivery.
        repeated: confirmed deliveries beyond the first.
    """

    seconds: float = 0.0
    most_per_second: float = 0.0
    per_second: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    slow: list[float] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    lost: list[str] = field(default_factory=list)
    repeated: int = 0
    drained_s: float = 0.0

    def memory(self) -> tuple[float, float]:
        """The middle of the Worker's memory in the second and in the last quarter, MB."""
        second, last = self._quarters()
        return _middle([s.memory for s in second]), _middle([s.memory for s in last])

    def interpreter(self) -> tuple[float, float]:
        """The interpreter's memory at the end of the second and of the last quarter, MB."""
        second, last = self._quarters()
        return max(s.interpreter for s in second), max(s.interpreter for s in last)

    def alive(self) -> tuple[list[float], list[float]]:
        """MB alive after each full collection of the first and of the second half of the load.

        Those before the load count for its first half.
        """
        half = len(self.samples[len(self.samples) // 2].alive)
        every = list(self.samples[-1].alive)
        return every[:half], every[half:]

    def _quarters(self) -> tuple[list[Sample], list[Sample]]:
        quarter = max(len(self.samples) // 4, 1)
        return self.samples[quarter : 2 * quarter] or self.samples, self.samples[-quarter:]

    def document(self) -> dict[str, Any]:
        """Return the report as JSON; latencies in ms."""
        before, after = self.memory()
        earlier, later = self.alive()
        return {
            "seconds": round(self.seconds),
            "most_per_second": round(self.most_per_second, 1),
            "per_second": round(self.per_second, 1),
            "answers": {str(status): count for status, count in sorted(self.statuses.items())},
            "p50_ms": _quantile(self.latencies, 50),
            "p99_ms": _quantile(self.latencies, 99),
            "slow_p99_ms": _quantile(self.slow, 99),
            "memory_mb": [round(before, 1), round(after, 1)],
            "interpreter_mb": [round(size, 1) for size in self.interpreter()],
            "alive_mb": [earlier, later],
            "most_waiting": max((s.waiting for s in self.samples), default=0),
            "most_messages": max((s.messages for s in self.samples), default=0),
            "rows": dict(self.rows),
            "accepted": self.accepted,
            "lost": self.lost,
            "repeated": self.repeated,
            "drained_s": round(self.drained_s, 1),
            "samples": [asdict(sample) | {"alive": len(sample.alive)} for sample in self.samples],
        }

    def text(self) -> str:
        """Return the report as text."""
        d = self.document()
        return (
            f"{d['seconds']} s at {d['per_second']}/s, 70 % of {d['most_per_second']}/s\n"
            f"answers: {d['answers']}; accepted {d['accepted']}, lost {len(self.lost)},"
            f" delivered again {self.repeated}\n"
            f"p50 {d['p50_ms']} ms, p99 {d['p99_ms']} ms;"
            f" to the slow endpoint p99 {d['slow_p99_ms']} ms\n"
            f"memory of the Worker: {d['memory_mb'][0]} MB in the second quarter,"
            f" {d['memory_mb'][1]} MB in the last; of it the interpreter"
            f" {d['interpreter_mb'][0]} and {d['interpreter_mb'][1]} MB\n"
            f"alive after full collections: {d['alive_mb'][0]}, then {d['alive_mb'][1]} MB\n"
            f"most notifications waiting for a retry: {d['most_waiting']},"
            f" most messages: {d['most_messages']}; all ended {d['drained_s']} s after the load\n"
            f"rows at the end: {d['rows']}"
        )


def _middle(sizes: Sequence[float]) -> float:
    return statistics.median(sizes) if sizes else 0.0


def _quantile(seconds: Sequence[float], percent: int) -> int:
    if not seconds:
        return 0
    ordered = sorted(seconds)
    return round(1000 * ordered[min(len(ordered) * percent // 100, len(ordered) - 1)])
