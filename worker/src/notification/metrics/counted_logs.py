"""Counting notifications by hour and channel."""

from collections.abc import Iterable

from notification.identity import EPOCH_MS, first_row_id
from notification.metrics.period_metrics import BOUNDS_MS, Metrics, PeriodMetrics
from notification.ports.database import Row, Statement, Value
from notification.timestamps import HOUR_MS

# The epoch of the row ids is the start of an hour.
_HOUR = f"log.id / {first_row_id(EPOCH_MS + HOUR_MS)}"
_CLASS = " ".join(f"WHEN ms <= {bound} THEN {n}" for n, bound in enumerate(BOUNDS_MS))

_COUNT = f"""
SELECT hour, channel_type, status, class, COUNT(*) AS count, SUM(retry_count) AS retries,
  SUM(redrives) AS redrives, SUM(ms) AS delivery_ms
FROM (
  SELECT hour, channel_type, status, retry_count, redrives, ms,
    CASE WHEN ms IS NULL THEN NULL {_CLASS} ELSE {len(BOUNDS_MS)} END AS class
  FROM (
    SELECT {_HOUR} AS hour, channel_type, status, retry_count, redrives,
      CASE WHEN status = 'sent' THEN MAX(0, CAST(ROUND(
        (julianday(sent_at) - julianday(created_at)) * 86400000) AS INTEGER)) END AS ms
    FROM notification_logs AS log WHERE {{where}}))
GROUP BY hour, channel_type, status, class
"""  # noqa: S608 - built from numbers of this module
# A failed attempt has a code. A notification that failed without an attempt has one on its row.
_ERRORS = f"""
SELECT hour, channel_type, code, COUNT(*) AS count
FROM (
  SELECT {_HOUR} AS hour, channel_type,
    COALESCE(json_extract(attempt.value, '$.code'),
      CASE WHEN log.attempts = '[]' AND status = 'failed' THEN last_error_code END) AS code
  FROM notification_logs AS log,
    json_each(CASE WHEN log.attempts = '[]' THEN '[{{{{}}}}]' ELSE log.attempts END) AS attempt
  WHERE {{where}} AND (status <> 'sent' OR retry_count > 0 OR redrives > 0))
WHERE code IS NOT NULL
GROUP BY hour, channel_type, code
"""  # noqa: S608 - built from numbers of this module
_ALL = "log.id >= ?1 AND log.id < ?2"
_OF_USER = f"log.user_id = ?3 AND {_ALL}"


def count_statements(
    start_ms: int, end_ms: int, user_id: str | None = None
) -> tuple[Statement, Statement]:
    """Count the notifications accepted from `start_ms` until before `end_ms`, and their errors."""
    bounds: tuple[Value, ...] = (first_row_id(max(start_ms, EPOCH_MS)), first_row_id(end_ms))
    where = _ALL
    if user_id is not None:
        where, bounds = _OF_USER, (*bounds, user_id)
    return (
        Statement(_COUNT.format(where=where), bounds),
        Statement(_ERRORS.format(where=where), bounds),
    )


def redriven_hours(since: str, before_ms: int) -> Statement:
    """Select, as `hour`, the hours before `before_ms` in which a redriven notification changed."""
    # The condition is a literal, because a partial index serves no bound value.
    return Statement(
        f"SELECT DISTINCT {_HOUR} AS hour FROM notification_logs AS log"  # noqa: S608 - a number of this module
        " WHERE log.redrives > 0 AND log.updated_at >= ?1 AND log.id < ?2"
        " ORDER BY hour DESC LIMIT 24",
        (since, first_row_id(before_ms)),
    )


def start_of_hour(row: Row) -> int:
    """Return the start of a row's `hour`, in milliseconds."""
    return EPOCH_MS + int(row["hour"]) * HOUR_MS


def oldest_from(moment_ms: int) -> Statement:
    """Select, as `oldest`, the id of the oldest notification accepted since a moment."""
    return Statement(
        "SELECT MIN(id) AS oldest FROM notification_logs WHERE id >= ?1", (first_row_id(moment_ms),)
    )


def counted_periods(counts: Iterable[Row], errors: Iterable[Row]) -> list[PeriodMetrics]:
    """Read the rows of the two count statements into hours, in no particular order."""
    found: dict[tuple[int, str], Metrics] = {}
    for row in counts:
        metrics = found.setdefault(_key(row), Metrics())
        count, status = int(row["count"]), str(row["status"])
        metrics.accepted += count
        metrics.retries += int(row["retries"])
        metrics.redrives += int(row["redrives"])
        if status == "sent":
            metrics.sent += count
            metrics.delivery_ms += int(row["delivery_ms"])
            metrics.deliveries[int(row["class"])] += count
        elif status == "failed":
            metrics.failed += count
        elif status == "cancelled":
            metrics.cancelled += count
        else:
            metrics.unsettled += count
    for row in errors:
        metrics = found.setdefault(_key(row), Metrics())
        code = str(row["code"])
        metrics.errors[code] = metrics.errors.get(code, 0) + int(row["count"])
    return [PeriodMetrics(start, channel, f) for (start, channel), f in found.items()]


def _key(row: Row) -> tuple[int, str]:
    return start_of_hour(row), str(row["channel_type"])
