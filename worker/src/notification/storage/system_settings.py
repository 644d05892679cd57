"""Settings that operators change in the database while the service runs."""

from notification.delivery.schedule import DEFAULT_MAX_RETRIES, DELAYS_MS
from notification.ports.database import Statement
from notification.ports.platform import Platform

DEFAULT_RETENTION_HOURS = 168


async def read_text(platform: Platform, key: str) -> str:
    """A text from `system_configs`; empty where it is missing."""
    [result] = await platform.database.batch(
        [Statement("SELECT config_value FROM system_configs WHERE config_key = ?1", (key,))]
    )
    return str(result.rows[0]["config_value"]).strip() if result.rows else ""


async def read_setting(platform: Platform, key: str, default: int) -> int:
    """A whole number from `system_configs`; the default where it is missing or malformed."""
    text = await read_text(platform, key)
    return int(text) if text.isascii() and text.isdigit() else default


async def max_retries(platform: Platform) -> int:
    """How often a notification is retried. Asked only after a failure, so it costs no delivery."""
    if not platform.settings.retries_enabled:
        return 0
    value = await read_setting(platform, "max_retry_attempts", DEFAULT_MAX_RETRIES)
    return min(value, len(DELAYS_MS))


async def retention_hours(platform: Platform) -> int:
    """How long settled notifications are kept; at least one hour."""
    return max(await read_setting(platform, "cleanup_retention_hours", DEFAULT_RETENTION_HOURS), 1)
