"""Keeping the hourly and daily metrics up to date."""

from typing import Any

from notification.identity import moment_of
from notification.metrics.counted_logs import (
    count_statements,
    counted_periods,
    oldest_from,
    redriven_hours,
    start_of_hour,
)
from notification.metrics.period_metrics import Metrics, PeriodMetrics
from notification.metrics.reading import HOURS_KEPT
from notification.metrics.rollup_rows import (
    delete_hours_before,
    period,
    read_rollups,
    write_rollups,
)
from notification.ports.platform import Platform
from notification.timestamps import DAY_MS, HOUR_MS, floor, iso

_MAX_AT_ONCE_MS = 26 * HOUR_MS
_SETTLING_MS = 25 * HOUR_MS
"""Older notifications are settled: the sweep gives up after 24 hours."""


async def roll_up(platform: Platform, state: dict[str, Any], *, hourly: bool) -> int:
    """Count the newest two hours anew, and with `hourly` everything that may still have changed.

    The send path writes nothing for this. `state["rolled_to"]` is the hour from which the next run
    goes on; what was missed is caught up by at most 26 hours a run.

    Returns:
        How many rows were written.

    Raises:
        DatabaseError: the database did not answer.
    """
    now_ms = platform.clock.now_ms()
    rolled_to = int(state.get("rolled_to") or await _oldest_hour(platform, now_ms))
    back = _SETTLING_MS if hourly else HOUR_MS
    start_ms = min(rolled_to, floor(now_ms - back, HOUR_MS))
    end_ms = min(start_ms + _MAX_AT_ONCE_MS, now_ms + 1)
    statements = [*count_statements(start_ms, end_ms)]
    if hourly:
        statements.append(delete_hours_before(floor(now_ms - HOURS_KEPT * HOUR_MS, HOUR_MS)))
    counts, errors, *_ = await platform.everywhere.batch(statements)
    hours = counted_periods(counts.rows, errors.rows)
    written = await _write(platform, hours, start_ms, end_ms)
    state["rolled_to"] = max(rolled_to, floor(end_ms - 1, HOUR_MS))
    if hourly:
        written += await _recount_redriven(platform, state, before_ms=start_ms, now_ms=now_ms)
    return written


async def _recount_redriven(
    platform: Platform, state: dict[str, Any], *, before_ms: int, now_ms: int
) -> int:
    """Recount past hours in which a notification was retried by hand since the last run."""
    since = str(state.get("redriven_to") or iso(now_ms - DAY_MS))
    [found] = await platform.everywhere.batch([redriven_hours(since, before_ms)])
    written = 0
    for start_ms in sorted(set(map(start_of_hour, found.rows)), reverse=True):
        statements = count_statements(start_ms, start_ms + HOUR_MS)
        counts, errors = await platform.everywhere.batch(statements)
        hours = counted_periods(counts.rows, errors.rows)
        written += await _write(platform, hours, start_ms, start_ms + HOUR_MS)
    state["redriven_to"] = iso(now_ms)
    return written


async def _oldest_hour(platform: Platform, now_ms: int) -> int:
    """Return where the first run begins: at the oldest notification within the hourly metrics."""
    least_ms = floor(now_ms - HOURS_KEPT * HOUR_MS, HOUR_MS)
    [oldest] = await platform.everywhere.batch([oldest_from(least_ms)])
    ids = [int(row["oldest"]) for row in oldest.rows if row["oldest"] is not None]
    return floor(moment_of(min(ids)) if ids else now_ms, HOUR_MS)


async def _write(platform: Platform, hours: list[PeriodMetrics], start_ms: int, end_ms: int) -> int:
    if not hours:
        return 0
    first_day = floor(start_ms, DAY_MS)
    changed, kept = await platform.database.batch(
        [
            write_rollups("hour", hours),
            read_rollups("hour", first_day, floor(end_ms - 1, DAY_MS) + DAY_MS),
        ]
    )
    days: dict[tuple[int, str], Metrics] = {}
    for hour in map(period, kept.rows):
        days.setdefault((floor(hour.start_ms, DAY_MS), hour.channel), Metrics()).add(hour.metrics)
    sums = [PeriodMetrics(start, channel, metrics) for (start, channel), metrics in days.items()]
    [summed] = await platform.database.batch([write_rollups("day", sums)])
    return changed.changes + summed.changes
