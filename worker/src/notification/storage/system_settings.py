"""The table `system_configs`: settings that operators change."""

from notification.ports.database import HomeStatement, Result, Statement
from notification.ports.platform import Platform

_VALUE = "SELECT config_value FROM system_configs WHERE config_key = ?1"


def select_setting(key: str) -> Statement:
    """Select one setting, as `config_value`."""
    return HomeStatement(_VALUE, (key,))


def setting_text(result: Result) -> str:
    """Return the text that `select_setting` found; empty if there is none."""
    return "" if result.row is None else str(result.row["config_value"]).strip()


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
