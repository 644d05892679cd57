"""When and how often a notification is retried."""

from collections.abc import Mapping
from typing import Any

from notification.ports.database import DatabaseError, Result
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
