"""Metrics of any period: from the roll-ups as far as they go, counted from then on."""

from collections.abc import Iterable

from notification.metrics.counted_logs import count_statements, counted_periods
from notification.metrics.period_metrics import Metrics, PeriodMetrics
from notification.metrics.rollup_rows import NEWEST_HOUR, period, read_rollups
from notification.ports.platform import Platform
from notification.timestamps import DAY_MS, floor, from_iso

HOURS_KEPT = 35 * 24
"""For how many hours hourly metrics are kept."""


async def read_metrics(
    platform: Platform, start_ms: int, end_ms: int, *, by_day: bool
) -> list[PeriodMetrics]:
    """Read the metrics of the periods that start from `start_ms` until before `end_ms`.

    Without `by_day` the periods are hours; with it, days that are over and the hours since. The
    newest hour of the roll-ups may be incomplete, so it is counted anew with all that came after.
    Takes two round trips.

    Args:
        platform: the platform.
        start_ms: the start of an hour, or of a day with `by_day`.
        end_ms: the end, exclusive.
        by_day: whether days are read as a whole.

    Raises:
        DatabaseError: the database did not answer.
    """
    [newest] = await platform.database.batch([NEWEST_HOUR])
    [row] = newest.rows
    text = row["newest"]
    fresh_ms = min(max(start_ms, from_iso(text)) if text else start_ms, end_ms)
    days_end = floor(fresh_ms, DAY_MS) if by_day else start_ms
    days, hours, counts, errors = await platform.everywhere.batch(
        [
            read_rollups("day", start_ms, days_end),
            read_rollups("hour", max(days_end, start_ms), end_ms),
            *count_statements(fresh_ms, end_ms),
        ]
    )
    rolled = map(period, hours.rows)
    return [
        *map(period, days.rows),
        *_fuller(rolled, counted_periods(counts.rows, errors.rows)),
    ]


def _fuller(
    rolled: Iterable[PeriodMetrics], counted: Iterable[PeriodMetrics]
) -> Iterable[PeriodMetrics]:
    """Prefer the new count of a period, unless rows were deleted since it was rolled up."""
    best = {(entry.start_ms, entry.channel): entry for entry in rolled}
    for entry in counted:
        known = best.get((entry.start_ms, entry.channel))
        if known is None or entry.metrics.accepted >= known.metrics.accepted:
            best[entry.start_ms, entry.channel] = entry
    return best.values()


async def read_user_metrics(
    platform: Platform, user_id: str, start_ms: int, end_ms: int
) -> list[PeriodMetrics]:
    """Count one recipient's metrics by hour, from the notifications that are still kept."""
    counts, errors = await platform.database.batch(count_statements(start_ms, end_ms, user_id))
    return counted_periods(counts.rows, errors.rows)


def by_step(
    periods: list[PeriodMetrics], start_ms: int, end_ms: int, step_ms: int
) -> list[tuple[int, Metrics]]:
    """Sum the periods into steps from `start_ms` on, in order, empty steps included."""
    sums = {start: Metrics() for start in range(floor(start_ms, step_ms), end_ms, step_ms)}
    for entry in periods:
        start = floor(entry.start_ms, step_ms)
        if start in sums:
            sums[start].add(entry.metrics)
    return sorted(sums.items())
