"""Metrics of any period: from the roll-ups as far as they go, from the notifications since."""

from collections.abc import Iterable

from notification.metrics.counted_logs import count_statements, counted_periods
from notification.metrics.period_metrics import Metrics, PeriodMetrics
from notification.metrics.rollup_rows import NEWEST_HOUR, period, read_rollups
from notification.ports.platform import Platform
from notification.timestamps import DAY_MS, floor, from_iso

HOURS_KEPT = 35 * 24
"""How many hours the hourly metrics go back."""


async def read_metrics(
    platform: Platform, start_ms: int, end_ms: int, *, by_day: bool
) -> list[PeriodMetrics]:
    """The metrics of the periods that start from `start_ms` until before `end_ms`.

    `start_ms` is the start of an hour, or of a day where `by_day` is set.

    By hour; with `by_day` by day for the days that are over and by hour since. The newest hour of
    the roll-up may be incomplete, so that hour and what came after it are counted afresh. Two
    round trips. Raises `DatabaseError`.
    """
    [newest] = await platform.database.batch([NEWEST_HOUR])
    text = newest.rows[0]["newest"]
    fresh_ms = min(max(start_ms, from_iso(text)) if text else start_ms, end_ms)
    days_end = floor(fresh_ms, DAY_MS) if by_day else start_ms
    days, hours, counts, errors = await platform.database.batch(
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
    """What was counted afresh, except where fewer are left by now than were rolled up."""
    best = {(entry.start_ms, entry.channel): entry for entry in rolled}
    for entry in counted:
        known = best.get((entry.start_ms, entry.channel))
        if known is None or entry.metrics.accepted >= known.metrics.accepted:
            best[entry.start_ms, entry.channel] = entry
    return best.values()


async def read_user_metrics(
    platform: Platform, user_id: str, start_ms: int, end_ms: int
) -> list[PeriodMetrics]:
    """One recipient's metrics by hour, counted from the notifications that are still kept."""
    counts, errors = await platform.database.batch(count_statements(start_ms, end_ms, user_id))
    return counted_periods(counts.rows, errors.rows)


def by_step(
    periods: list[PeriodMetrics], start_ms: int, end_ms: int, step_ms: int
) -> list[tuple[int, Metrics]]:
    """One sum per step from `start_ms` on, in order, with empty steps in between."""
    sums = {start: Metrics() for start in range(floor(start_ms, step_ms), end_ms, step_ms)}
    for entry in periods:
        start = floor(entry.start_ms, step_ms)
        if start in sums:
            sums[start].add(entry.metrics)
    return sorted(sums.items())
