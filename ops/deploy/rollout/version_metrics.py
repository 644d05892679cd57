"""How two versions do side by side, from the service's own rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from ops.stacks.account import Row, StackAccount
from ops.stacks.moment import counted

PREFIX = 8
"""Characters of a version id that the rows carry."""

ERROR_RATE = 0.01
"""Share of failures above which a version is stopped: that of the service's own warning."""

P99_MS = 1_000.0
"""Milliseconds that the slowest of a hundred may take, whatever the other version takes."""

_FACTOR = 2.0
"""How many times worse than the version beside it: an endpoint that is down meets both."""

_NEWEST = "SELECT COALESCE(MAX(id), 0) AS newest FROM notification_logs"
_COUNTS = """
SELECT config_key, config_value FROM system_configs
WHERE config_key >= 'failed_requests.' AND config_key < 'failed_requests/'
"""
_ROWS = """
SELECT json_extract(attempts, '$[0].version') AS version,
  json_extract(attempts, '$[0].code') AS code,
  (julianday(updated_at) - julianday(created_at)) * 86400000 AS ms
FROM notification_logs WHERE id > ?1 AND attempts <> '[]' AND retry_count <= 1
ORDER BY id DESC LIMIT 5000
"""


@dataclass(frozen=True)
class VersionMetrics:
    """What one version did since a moment.

    Attributes:
        requests: sends it tried first, and requests that it failed by itself.
        failures: of them, those that failed.
        p99_ms: what the slowest of a hundred took, from acceptance to its outcome.
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
        account: where the service's database lives.
        database_id: the database.
    """

    def __init__(self, account: StackAccount, database_id: str) -> None:
        self._account = account
        self._database_id = database_id
        self._newest = str(self._query(_NEWEST)[0]["newest"])
        self._failed_before = self._failed()

    def of(self, version_id: str) -> VersionMetrics:
        """Return what that version did since."""
        short = version_id[:PREFIX]
        rows = [row for row in self._query(_ROWS, self._newest) if row["version"] == short]
        failed = self._failed().get(short, 0) - self._failed_before.get(short, 0)
        return VersionMetrics(
            requests=len(rows) + failed,
            failures=sum(row["code"] is not None for row in rows) + failed,
            p99_ms=quantile([float(row["ms"]) for row in rows], 0.99),
        )

    def _failed(self) -> dict[str, int]:
        return {
            str(row["config_key"]).partition(".")[2]: int(row["config_value"])
            for row in self._query(_COUNTS)
        }

    def _query(self, sql: str, *parameters: str) -> list[Row]:
        what = "read the service's metrics"
        return self._account.query(what, self._database_id, sql, *parameters)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least ``share`` of the values don't exceed; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
