"""Times, counts and sizes as every command shows them; options take the times back."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from ops.stacks.errors import UsageError

TIME_ZONE_VARIABLE = "NOTIFYCTL_TIME_ZONE"
"""Environment variable of the zone that times are shown in: UTC without it."""


class Stopwatch:
    """Counts the seconds since it was made, whatever is done to the machine's clock."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """How many have passed."""
        return time.monotonic() - self._started


def shown_time(
    value: str | float | datetime | None, environment: Mapping[str, str] = os.environ
) -> str:
    """Return a time as ``2026-11-29T08:30:00Z``, or with its offset where a zone is chosen.

    Args:
        value: a time, seconds since the epoch, or an ISO 8601 text; without an offset it is UTC.
            What is no time, or one that the calendar doesn't have in the zone, is returned as it
            is: Go writes the year 1 for a time that isn't set.
        environment: environment variables.

    Raises:
        UsageError: the variable names no time zone.
    """
    if value is None:
        return ""
    zone = _zone(environment)
    try:
        moment = _moment(value)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        there = moment.astimezone(zone).replace(microsecond=0)
    except (ValueError, OverflowError, OSError):
        return str(value)
    return there.isoformat().replace("+00:00", "Z")


def _moment(value: str | float | datetime) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    return datetime.fromtimestamp(value, UTC)


def read_time(text: str, option: str, now: datetime | None = None) -> datetime:
    """Read a time that a person gave: ISO 8601, or how long ago (``90s``, ``30m``, ``2h``, ``7d``).

    Args:
        text: the option's value; a time without an offset is in the zone that times are shown in.
        option: the option's name, for the message.
        now: the time of the call; ``None`` takes this machine's.

    Raises:
        UsageError: it is neither.
    """
    try:
        if (span := _span(text)) is not None:
            return (now or datetime.now(UTC)) - span
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} is '{text}': give how long ago it was, such as 30m, 2h or 7d, or a time "
            "such as 2026-11-29T08:30:00Z."
        ) from None
    if found.tzinfo is not None:
        return found
    zone = _zone(os.environ)
    return found.replace(tzinfo=zone) if zone is not None else found.astimezone()


def read_span(text: str, option: str) -> timedelta:
    """Read how long something lasts: ``90s``, ``30m``, ``2h``, ``7d``.

    Args:
        text: the option's value.
        option: the option's name, for the message.

    Raises:
        UsageError: it is no such text.
    """
    try:
        span = _span(text)
    except OverflowError:
        span = None
    if not span:
        raise UsageError(f"{option} is '{text}': give how long, such as 30m, 2h or 7d.")
    return span


def _span(text: str) -> timedelta | None:
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not number.isdecimal() or len(number) > 9:
        return None
    return timedelta(**{units[unit]: int(number)})


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return ``1 attempt``, ``2 attempts``, ``1,000,000 rows``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def kibibytes(size: int) -> str:
    """Return a size in bytes as ``12 KiB``."""
    return f"{size / 1024:.0f} KiB"


def megabytes(size: float) -> str:
    """Return a size in bytes as ``1.5 MB``."""
    return f"{size / 1e6:.1f} MB"


def lasted(seconds: float) -> str:
    """Return a duration in its two largest units: ``45 s``, ``3 min 20 s``, ``5 d 4 h``."""
    whole = max(0, round(seconds))
    parts: list[str] = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, whole = divmod(whole, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def _zone(environment: Mapping[str, str]) -> tzinfo | None:
    """Return the zone that times are shown in; ``None`` is this machine's."""
    name = environment.get(TIME_ZONE_VARIABLE, "UTC")
    if name.lower() == "utc":
        return UTC
    if name.lower() == "local":
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise UsageError(
            f"{TIME_ZONE_VARIABLE} is '{name}': give utc, local, or a zone's name such as "
            "Europe/Berlin."
        ) from None
