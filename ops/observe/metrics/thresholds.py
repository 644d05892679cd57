"""From when on a metric is worth a look, a warning, or somebody's sleep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Level(Enum):
    """How bad a metric is."""

    OK = "ok"
    UNKNOWN = "unknown"
    INFORMATION = "information"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Metric:
    """One metric of a service.

    Attributes:
        name: what it is about.
        value: in ``unit``; ``None`` where it isn't known.
        unit: ``%``, ``ms``, ``MB`` or ``messages``.
        source: who told it and over which time; where nobody did, why.
    """

    name: str
    value: float | None
    unit: str
    source: str


@dataclass(frozen=True)
class Reading:
    """A metric beside its threshold."""

    metric: Metric
    threshold: float
    level: Level

    def document(self) -> dict[str, Any]:
        """Return the reading for ``--json``."""
        return {
            "name": self.metric.name,
            "value": self.metric.value,
            "unit": self.metric.unit,
            "threshold": self.threshold,
            "level": self.level.value,
            "source": self.metric.source,
        }

    @property
    def shown(self) -> str:
        """The value for a person."""
        if self.metric.value is None:
            return "unknown"
        return f"{self.metric.value:,.{0 if self.metric.value >= 100 else 2}f} {self.metric.unit}"


@dataclass(frozen=True)
class Thresholds:
    """A metric is bad above its threshold, and not yet at it.

    The values are those of the operating rules for this service; they are not Cloudflare's limits.

    Attributes:
        error_rate: failed requests or sends in percent: a warning.
        response_ms: the slowest of a hundred requests: a warning.
        backlog: messages in one queue: critical.
        memory_mb: the most that an invocation used, in 10^6 bytes: a warning.
        cpu_ms: the most computing of a hundred requests: for information.
    """

    error_rate: float = 1.0
    response_ms: float = 1_000.0
    backlog: float = 1_000.0
    memory_mb: float = 100.0
    cpu_ms: float = 50.0

    def read(self, metric: Metric, kind: str) -> Reading:
        """Hold a metric against the threshold of that name."""
        threshold = float(getattr(self, kind))
        if metric.value is None:
            level = Level.UNKNOWN
        else:
            level = _LEVELS[kind] if metric.value > threshold else Level.OK
        return Reading(metric, threshold, level)


_LEVELS = {
    "error_rate": Level.WARNING,
    "response_ms": Level.WARNING,
    "backlog": Level.CRITICAL,
    "memory_mb": Level.WARNING,
    "cpu_ms": Level.INFORMATION,
}


def worst(readings: Sequence[Reading]) -> Level:
    """Return the worst level among them; what isn't known is worse than all being well."""
    order = list(Level)
    return max((reading.level for reading in readings), key=order.index, default=Level.UNKNOWN)
