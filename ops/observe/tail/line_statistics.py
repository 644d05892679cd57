"""What a pile of log lines adds up to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from ops.observe.tail.log_line import LogLine

_MAX_ERRORS = 20


@dataclass
class LineStatistics:
    """Counts and durations of lines.

    Attributes:
        levels: lines by level.
        durations: milliseconds by what was measured: a request's path, else the kind of line.
        errors: the newest lines of level error.
    """

    levels: Counter[str] = field(default_factory=Counter)
    durations: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[LogLine] = field(default_factory=list)

    @classmethod
    def of(cls, lines: Iterable[LogLine]) -> LineStatistics:
        """Go through all lines once."""
        found = cls()
        for line in lines:
            found.levels[line.level] += 1
            if line.duration_ms is not None:
                what = line.path or str(line.fields.get("type", "")) or "other"
                found.durations[what].append(line.duration_ms)
            if line.level == "error":
                found.errors = [*found.errors[-_MAX_ERRORS + 1 :], line]
        return found

    @property
    def all_durations(self) -> list[float]:
        """Every duration, whatever was measured."""
        return [value for values in self.durations.values() for value in values]

    def document(self) -> dict[str, Any]:
        """Return everything for ``--json``."""
        slowest = sorted(self.durations.items(), key=lambda item: -max(item[1]))
        return {
            "lines": sum(self.levels.values()),
            "levels": dict(self.levels),
            "durations": duration_metrics(self.all_durations),
            "by_path": {what: duration_metrics(values) for what, values in slowest},
            "errors": [line.document() for line in self.errors],
        }


def duration_metrics(values: list[float]) -> dict[str, float | int | None]:
    """Count, mean, median, 95th percentile and maximum, in milliseconds; ``None`` of nothing."""
    if not values:
        names = ("average_ms", "median_ms", "p95_ms", "max_ms")
        return {"count": 0, **dict.fromkeys(names)}
    ordered = sorted(values)

    def share(part: float) -> float:
        return ordered[max(0, ceil(part * len(ordered)) - 1)]

    return {
        "count": len(ordered),
        "average_ms": round(sum(ordered) / len(ordered), 3),
        "median_ms": share(0.5),
        "p95_ms": share(0.95),
        "max_ms": ordered[-1],
    }
