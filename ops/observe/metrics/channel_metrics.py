"""What each channel has to do, and how old it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ops.database.stack_database import StackDatabase

# Ids begin with the moment: milliseconds since 2024 (Julian day 2460310.5), times 4096. What waits
# is read by the partial index of waiting rows, the last hour by the primary key.
_CHANNELS = """
SELECT channel_type AS channel,
  SUM(status = 'sent') AS sent, SUM(status = 'failed') AS failed,
  0 AS retrying, 0 AS waiting, MIN(CASE WHEN status = 'pending' THEN created_at END) AS oldest
FROM notification_logs
WHERE id >= CAST((julianday('now', '-1 hour') - 2460310.5) * 86400000 AS INTEGER) * 4096
GROUP BY 1
UNION ALL
SELECT channel_type, 0, 0, SUM(held_until IS NULL), SUM(held_until IS NOT NULL), MIN(created_at)
FROM notification_logs INDEXED BY idx_notification_due
WHERE status = 'retry' GROUP BY 1
"""


@dataclass(frozen=True)
class ChannelMetrics:
    """One channel.

    Attributes:
        channel: its name.
        sent: notifications of the last hour that arrived.
        failed: those of the last hour that failed for good.
        retrying: notifications in retry now.
        waiting: notifications that a hold keeps back now.
        oldest: ISO 8601 time of the oldest that isn't settled, or an empty text.
    """

    channel: str
    sent: int
    failed: int
    retrying: int
    waiting: int
    oldest: str

    def document(self) -> dict[str, Any]:
        """Return the channel for ``--json``."""
        return asdict(self)


def channel_metrics(databases: Iterable[StackDatabase]) -> tuple[ChannelMetrics, ...]:
    """Return what every channel with something to tell has in all databases, by its name.

    Raises:
        OperationError: a database refused, or gave no answer.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in (row for database in databases for row in database.query(_CHANNELS)):
        # A recipient's named endpoints (telegram:oncall) count for their channel.
        channel = str(row["channel"]).partition(":")[0]
        _add(found.setdefault(channel, {}), row)
    return tuple(
        ChannelMetrics(
            channel=channel,
            sent=sums["sent"],
            failed=sums["failed"],
            retrying=sums["retrying"],
            waiting=sums["waiting"],
            oldest=sums.get("oldest", ""),
        )
        for channel, sums in sorted(found.items())
    )


def _add(sums: dict[str, Any], row: Mapping[str, Any]) -> None:
    for name in ("sent", "failed", "retrying", "waiting"):
        sums[name] = sums.get(name, 0) + int(row[name] or 0)
    if row["oldest"]:
        sums["oldest"] = min(str(sums.get("oldest") or row["oldest"]), str(row["oldest"]))
