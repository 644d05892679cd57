"""When and how often a notification is retried, and how many retries wait."""

from collections.abc import Mapping
from typing import Any

from notification.channels.channel import THROTTLED_CODE
from notification.delivery.endpoint_lines import count_lines
from notification.ports.database import DatabaseError, Result, Statement
from notification.ports.platform import Platform, Randomness
from notification.settings import Settings, parse_schedule
from notification.storage.system_settings import select_setting, setting_number

DELAYS_MS = (10_000, 30_000, 60_000, 300_000, 900_000)
"""The default waits before each retry, of which `max_retry_attempts` takes so many."""
DEFAULT_MAX_RETRIES = 2
SELECT_MAX_RETRIES = select_setting("max_retry_attempts")
"""The statement whose result `retries_allowed` reads."""
THROTTLED_DELAYS_MS = (10_000, 30_000, 60_000, 300_000)
"""The waits of a throttled notification whose endpoint names none, the last one again and again."""
_JITTER = 0.1

# Both counts come from partial indexes, which hold only the rows that are counted.
_WAITING = Statement("SELECT COUNT(*) AS depth FROM notification_logs WHERE status = 'retry'")
_REASONS = Statement(
    f"""
SELECT channel_type, CASE
    WHEN after_id IS NOT NULL THEN 'fallback' WHEN held_until IS NOT NULL THEN 'held'
    WHEN last_error_code = '{THROTTLED_CODE}' THEN 'throttled'
    WHEN send_at IS NOT NULL AND attempts = '[]' THEN 'planned' ELSE 'retry' END AS reason,
  COUNT(*) AS waiting
FROM notification_logs WHERE status = 'retry' GROUP BY channel_type, reason
"""  # noqa: S608 - a constant
)
# Schedules differ, so that a count of retries tells nothing: the last outcome does.
_EXHAUSTED = Statement(
    "SELECT COUNT(*) AS depth FROM notification_logs WHERE status = 'failed' AND"
    " (last_error_code IN ('EXPIRED', 'INTERRUPTED')"
    " OR json_extract(attempts, '$[#-1].retryable') = 1)"
)


def own_waits(config: Mapping[str, Any] | None, settings: Settings) -> tuple[int, ...] | None:
    """Return the waits before each retry that an endpoint or the stack sets; None if neither does.

    Args:
        config: the endpoint's configuration, whose `retry_schedule` wins.
        settings: the deployment's settings.
    """
    if not settings.retries_enabled:
        return ()
    own = (config or {}).get("retry_schedule")
    waits = None if own is None else parse_schedule(own)
    return settings.retry_schedule if waits is None else waits


def default_waits(max_retries: int) -> tuple[int, ...]:
    """Return the waits where nobody has set a schedule: 10 s, 30 s, and so on."""
    return DELAYS_MS[:max_retries]


def retry_delay_ms(wait_ms: int, *, retry_after_s: int, randomness: Randomness) -> int:
    """Return a scheduled wait as it is kept, in milliseconds.

    It is ±10 %, so that notifications that fail together are not retried together, and never
    shorter than the endpoint's `Retry-After`.
    """
    return max(_jittered(wait_ms, randomness), retry_after_s * 1000)


def throttled_delay_ms(times: int, *, retry_after_s: int, randomness: Randomness) -> int:
    """Return how long a notification waits that was throttled `times` times in a row.

    It is what the endpoint asked for, or else grows from 10 s to five minutes, ±10 %.
    """
    if retry_after_s:
        return retry_after_s * 1000
    base = THROTTLED_DELAYS_MS[min(times, len(THROTTLED_DELAYS_MS)) - 1]
    return _jittered(base, randomness)


def _jittered(wait_ms: int, randomness: Randomness) -> int:
    fraction = int.from_bytes(randomness.token_bytes(2), "big") / 0xFFFF
    return round(wait_ms * (1 - _JITTER + 2 * _JITTER * fraction))


def retries_allowed(result: Result, platform: Platform) -> int:
    """Return how often a notification is retried, from the result of `SELECT_MAX_RETRIES`."""
    if not platform.settings.retries_enabled:
        return 0
    return min(setting_number(result, DEFAULT_MAX_RETRIES), len(DELAYS_MS))


async def max_retries(platform: Platform) -> int:
    """Read how often a notification is retried. Only failures ask, so that it delays no delivery.

    Raises:
        DatabaseError: the database did not answer.
    """
    if not platform.settings.retries_enabled:
        return 0
    [result] = await platform.database.batch([SELECT_MAX_RETRIES])
    return retries_allowed(result, platform)


async def max_retries_or_default(platform: Platform) -> int:
    """Read how often a notification is retried; return the default if the database fails.

    Once an attempt was made, a failing question must not keep its outcome from being recorded.
    """
    try:
        return await max_retries(platform)
    except DatabaseError:
        return DEFAULT_MAX_RETRIES


async def waiting_by_reason(
    platform: Platform,
) -> tuple[dict[tuple[str, str], int], dict[str, tuple[int, float]]]:
    """Count the waiting notifications by channel and by what they wait for, and the lines.

    The reasons are `retry`, `throttled`, `held`, `planned` and `fallback`.

    Returns:
        The counts, and by channel the endpoints before which there is a line, with the seconds
        until the last place of the longest one.

    Raises:
        DatabaseError: the database did not answer.
    """
    now_ms = platform.clock.now_ms()
    counted, lines = await platform.everywhere.batch([_REASONS, count_lines(now_ms)])
    reasons: dict[tuple[str, str], int] = {}
    for row in counted.rows:
        place = str(row["channel_type"]), str(row["reason"])
        reasons[place] = reasons.get(place, 0) + int(row["waiting"])
    depths: dict[str, tuple[int, float]] = {}
    for row in lines.rows:
        endpoints, last_s = depths.get(str(row["channel_type"]), (0, 0.0))
        depths[str(row["channel_type"])] = (
            endpoints + int(row["endpoints"]),
            max(last_s, (int(row["next_slot"]) - now_ms) / 1000),
        )
    return reasons, depths


async def queue_depths(platform: Platform) -> dict[str, int]:
    """Count the notifications behind each queue: Cloudflare doesn't tell a queue's length.

    Returns:
        For the retry queue the notifications that wait for a retry, for the failed queue those
        that used up their retries, or their time, and were not acknowledged.

    Raises:
        DatabaseError: the database did not answer.
    """
    settings = platform.settings
    waiting, exhausted = await platform.everywhere.batch([_WAITING, _EXHAUSTED])
    return {
        settings.retry_queue_name: waiting.sum("depth"),
        settings.failed_queue_name: exhausted.sum("depth"),
    }
