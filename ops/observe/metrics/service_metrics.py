"""What the service itself knows of its notifications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ops.observe.metrics.thresholds import Metric
from ops.stacks.errors import ServiceError
from ops.stacks.service import ServiceClient


@dataclass(frozen=True)
class ServiceMetrics:
    """Notifications of the last day.

    Attributes:
        document: the answer of ``GET /api/metrics``; empty where there was none.
        problem: why there was none, or an empty text.
    """

    document: dict[str, Any]
    problem: str

    @classmethod
    def read(cls, service: ServiceClient) -> ServiceMetrics:
        """Ask the service; no answer, or a refusal, makes its metrics unknown."""
        try:
            found = service.result("GET", "/api/metrics", query={"days": "1"})
        except ServiceError as error:
            return cls({}, str(error))
        if not all(isinstance(found.get(name), int) for name in ("totalSent", "totalFailed")):
            return cls({}, "GET /api/metrics was answered in an unknown form.")
        return cls(found, "")

    @property
    def sent(self) -> int:
        """Notifications that arrived."""
        return int(self.document.get("totalSent", 0))

    @property
    def failed(self) -> int:
        """Notifications that failed for good."""
        return int(self.document.get("totalFailed", 0))

    @property
    def failure_rate(self) -> Metric:
        """Failed ones among the settled ones."""
        settled = self.sent + self.failed
        return self._metric(
            "failed notifications", self.failed / settled * 100 if settled else None, "%"
        )

    @property
    def delivery(self) -> Metric:
        """From acceptance to delivery, 95th percentile, retries included."""
        settled = self.sent + self.failed
        found: Any = self.document
        for name in ("data", "performance", "p95_processing_time_ms"):
            found = found.get(name) if isinstance(found, dict) else None
        value = float(found) if settled and isinstance(found, int | float) else None
        return self._metric("delivery time, p95", value, "ms")

    def _metric(self, name: str, value: float | None, unit: str) -> Metric:
        if self.problem:
            return Metric(name, None, unit, self.problem)
        if value is None:
            return Metric(name, None, unit, "the service finished no notification in the last day")
        return Metric(name, round(value, 3), unit, "the service, last day")
