"""The SQL of `notification_rollups`: metrics by hour and by day."""

import json
from collections.abc import Iterable

from notification.metrics.period_metrics import Metrics, PeriodMetrics
from notification.ports.database import HomeStatement, Row, Statement
from notification.timestamps import from_iso, iso

_COUNTS = (
    "accepted",
    "sent",
    "failed",
    "cancelled",
    "unsettled",
    "retries",
    "redrives",
    "delivery_ms",
    "deliveries",
    "errors",
)
_COLUMNS = ", ".join(_COUNTS)
_SET = ", ".join(f"{column} = excluded.{column}" for column in _COUNTS)
_CHANGED = " OR ".join(f"excluded.{column} <> {column}" for column in _COUNTS)
# If fewer are counted than before, rows were deleted, and the old count stays. An unchanged row
# is not written, because D1 bills every write.
_WRITE = f"""
INSERT INTO notification_rollups (step, period_start, channel_type, {_COLUMNS})
SELECT ?1, json_extract(value, '$.period_start'), json_extract(value, '$.channel_type'),
  {", ".join(f"json_extract(value, '$.{column}')" for column in _COUNTS)}
FROM json_each(?2) WHERE true
ON CONFLICT (step, period_start, channel_type) DO UPDATE SET {_SET}
WHERE excluded.accepted >= accepted AND ({_CHANGED})
"""  # noqa: S608 - the columns are constants of this module
_READ = f"""
SELECT period_start, channel_type, {_COLUMNS} FROM notification_rollups
WHERE step = ?1 AND period_start >= ?2 AND period_start < ?3
"""  # noqa: S608 - the columns are constants of this module

NEWEST_HOUR = HomeStatement(
    "SELECT MAX(period_start) AS newest FROM notification_rollups WHERE step = 'hour'"
)


def write_rollups(step: str, periods: Iterable[PeriodMetrics]) -> Statement:
    """Write the changed periods of a step; `step` is `hour` or `day`."""
    rows = [
        {
            "period_start": iso(period.start_ms),
            "channel_type": period.channel,
            **{column: getattr(period.metrics, column) for column in _COUNTS},
            "deliveries": json.dumps(period.metrics.deliveries, separators=(",", ":")),
            "errors": json.dumps(period.metrics.errors, sort_keys=True, separators=(",", ":")),
        }
        for period in periods
    ]
    return HomeStatement(_WRITE, (step, json.dumps(rows)))


def read_rollups(step: str, start_ms: int, end_ms: int) -> Statement:
    """Select the periods of a step that start in the range; its end is exclusive."""
    return HomeStatement(_READ, (step, iso(max(start_ms, 0)), iso(max(end_ms, 0))))


def delete_hours_before(moment_ms: int) -> Statement:
    """Delete the hours that start earlier; the days that sum them up stay."""
    return HomeStatement(
        "DELETE FROM notification_rollups WHERE step = 'hour' AND period_start < ?1",
        (iso(moment_ms),),
    )


def period(row: Row) -> PeriodMetrics:
    """Read the metrics in a row that `read_rollups` selected."""
    metrics = Metrics(
        **{column: int(row[column]) for column in _COUNTS[:-2]},
        deliveries=json.loads(str(row["deliveries"])),
        errors=json.loads(str(row["errors"])),
    )
    return PeriodMetrics(from_iso(row["period_start"]), str(row["channel_type"]), metrics)
