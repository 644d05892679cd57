"""The table `system_configs`: settings that operators change, and counts of failed requests."""

from contextlib import suppress

from notification.errors import ServiceError
from notification.ports.database import DatabaseError, Result, Statement
from notification.ports.platform import Platform

FAILED_REQUESTS = "failed_requests."
"""Start of a count's key; the first eight characters of the version's id follow."""

_VALUE = "SELECT config_value FROM system_configs WHERE config_key = ?1"
_COUNT = """
INSERT INTO system_configs (config_key, config_value, description)
VALUES (?1, '1', 'Requests that this version has answered with 5xx')
ON CONFLICT (config_key) DO UPDATE SET
  config_value = CAST(CAST(config_value AS INTEGER) + 1 AS TEXT),
  updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
"""


def select_setting(key: str) -> Statement:
    """Select one setting, as `config_value`."""
    return Statement(_VALUE, (key,))


def setting_text(result: Result) -> str:
    """Return the text that `select_setting` found; empty if there is none."""
    return str(result.rows[0]["config_value"]).strip() if result.rows else ""


def setting_number(result: Result, default: int) -> int:
    """Return the whole number that `select_setting` found, or the default."""
    text = setting_text(result)
    return int(text) if text.isascii() and text.isdigit() else default


async def read_text(platform: Platform, key: str) -> str:
    """Read a setting; empty if it is missing.

    Raises:
        DatabaseError: the database did not answer.
    """
    [result] = await platform.database.batch([select_setting(key)])
    return setting_text(result)


async def read_number(platform: Platform, key: str, default: int) -> int:
    """Read a setting as a whole number; the default if it is missing or malformed.

    Raises:
        DatabaseError: the database did not answer.
    """
    [result] = await platform.database.batch([select_setting(key)])
    return setting_number(result, default)


def count_failure(platform: Platform) -> None:
    """Count one request that this version answered with 5xx, after the answer.

    A version that fails before it writes a row leaves no other trace: a gradual deployment is
    judged by this count. It costs nothing until something fails.
    """
    if platform.version.id:
        platform.keep_alive(_count(platform))


async def _count(platform: Platform) -> None:
    # If the database itself has failed, there is nowhere to count.
    with suppress(DatabaseError, ServiceError):
        key = FAILED_REQUESTS + platform.version.short
        await platform.database.batch([Statement(_COUNT, (key,))])
