"""Settings that operators change in the database while the service runs."""

from notification.delivery.schedule import DEFAULT_MAX_RETRIES, DELAYS_MS
from notification.ports.database import Result, Statement
from notification.ports.platform import Platform

DEFAULT_RETENTION_HOURS = 168


_VALUE = "SELECT config_value FROM system_configs WHERE config_key = ?1"
SELECT_MAX_RETRIES = Statement(_VALUE, ("max_retry_attempts",))
"""Selects what `retries_allowed` reads."""


def _text(result: Result) -> str:
    return str(result.rows[0]["config_value"]).strip() if result.rows else ""


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() else default


async def read_text(platform: Platform, key: str) -> str:
    """A text from `system_configs`; empty where it is missing."""
    [result] = await platform.database.batch([Statement(_VALUE, (key,))])
    return _text(result)


async def read_setting(platform: Platform, key: str, default: int) -> int:
    """A whole number from `system_configs`; the default where it is missing or malformed."""
    return _number(await read_text(platform, key), default)


def retries_allowed(result: Result, platform: Platform) -> int:
    """How often a notification is retried, from the answer to `SELECT_MAX_RETRIES`."""
    if not platform.settings.retries_enabled:
        return 0
    return min(_number(_text(result), DEFAULT_MAX_RETRIES), len(DELAYS_MS))


async def max_retries(platform: Platform) -> int:
    """How often a notification is retried. Asked only after a failure, so it costs no delivery."""
    if not platform.settings.retries_enabled:
        return 0
    [result] = await platform.database.batch([SELECT_MAX_RETRIES])
    return retries_allowed(result, platform)


async def retention_hours(platform: Platform) -> int:
    """How long settled notifications are kept; at least one hour."""
    return max(await read_setting(platform, "cleanup_retention_hours", DEFAULT_RETENTION_HOURS), 1)
