"""How two versions do side by side, by what their callers were answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from infra.names import calls_dataset
from ops.observe.metrics.caller_metrics import ERROR_RATE, PLANNED, UNEXPECTED, ask_points
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError
from ops.stacks.moment import counted

PREFIX = 8
"""Characters of a version id that a point carries."""

P99_MS = 1_000.0
"""Milliseconds that the slowest of a hundred may take, whatever the other version takes."""

_FACTOR = 2.0
"""How many times worse than the version beside it: an endpoint that is down meets both."""

# Sends, and whatever failed: health checks and listings would hide a version that fails every send.
_QUERY = """
SELECT blob5 AS version, SUM(_sample_interval) AS requests,
  SUM(IF((double1 >= 500 AND blob4 != '{planned}') OR blob10 != '', _sample_interval, 0)) AS failed,
  quantileExactWeighted(0.99)(double2, _sample_interval) AS p99
FROM {dataset} WHERE timestamp > NOW() - INTERVAL '{seconds}' SECOND
  AND (blob6 != '' OR double1 >= 500)
GROUP BY version FORMAT JSON
"""


@dataclass(frozen=True)
class VersionMetrics:
    """What one version did since a moment.

    Attributes:
        requests: sends, and other requests that it failed.
        failures: of them, those that it answered with 5xx, or whose first attempt failed.
        p99_ms: what the slowest of a hundred took, from the request to its answer.
    """

    requests: int = 0
    failures: int = 0
    p99_ms: float = 0.0

    @property
    def error_rate(self) -> float:
        """Failures by requests; 0 without any."""
        return self.failures / self.requests if self.requests else 0.0

    def worse_than(self, base: VersionMetrics) -> str | None:
        """Say in which way it is too bad to go on; ``None`` where it isn't."""
        if self.error_rate > max(ERROR_RATE, _FACTOR * base.error_rate):
            return (
                f"{self.failures} of its {counted(self.requests, 'request')} failed "
                f"({self.error_rate:.1%}; the version beside it {base.error_rate:.1%})"
            )
        if self.p99_ms > max(P99_MS, _FACTOR * base.p99_ms):
            return f"its p99 is {self.p99_ms:.0f} ms; the version beside it {base.p99_ms:.0f} ms"
        return None

    def document(self) -> dict[str, Any]:
        """Return the metrics for ``--json``."""
        return {
            "requests": self.requests,
            "failures": self.failures,
            "error_rate": round(self.error_rate, 4),
            "p99_ms": round(self.p99_ms, 1),
        }


class MetricsSince:
    """Counts from now on; what was before is no part of it.

    Args:
        account: the stack's account.
        worker: the Worker's name.
        now: monotonic seconds.
    """

    def __init__(
        self, account: StackAccount, worker: str, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._account = account
        self._worker = worker
        self._now = now
        self._started = now()

    def of(self, *version_ids: str) -> list[VersionMetrics]:
        """Return what these versions did since, in their order.

        Raises:
            OperationError: the account doesn't tell.
        """
        query = _QUERY.format(
            dataset=calls_dataset(self._worker),
            planned=PLANNED,
            # Whole seconds, by the account's clock: this machine's may be another.
            seconds=ceil(self._now() - self._started) + 1,
        )
        try:
            rows = {
                str(row["version"]): VersionMetrics(
                    int(float(row["requests"])), int(float(row["failed"])), float(row["p99"])
                )
                for row in ask_points(self._account, query, "read the versions' metrics")
            }
        except (KeyError, TypeError, ValueError):
            raise OperationError(f"The versions' metrics aren't known: {UNEXPECTED}.") from None
        return [rows.get(version[:PREFIX], VersionMetrics()) for version in version_ids]
