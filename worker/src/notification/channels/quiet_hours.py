"""Hours in which a recipient's endpoint wants to hear nothing that isn't urgent."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from notification.errors import ChannelRefusal
from notification.timestamps import DAY_MS

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_OFFSET = re.compile(r"([+-])(0[0-9]|1[0-4]):([0-5][0-9])")
_MINUTE_MS = 60_000


class QuietHours(NamedTuple):
    """A span of every day, in ms after midnight at `offset_ms` from UTC, maybe over midnight."""

    start_ms: int
    end_ms: int
    offset_ms: int

    def end_after(self, now_ms: int) -> int | None:
        """Return when the span that contains a moment ends; None if none contains it."""
        since_midnight = (now_ms + self.offset_ms) % DAY_MS
        since_start = (since_midnight - self.start_ms) % DAY_MS
        length = (self.end_ms - self.start_ms) % DAY_MS
        return now_ms + length - since_start if since_start < length else None


def quiet_until(config: Mapping[str, Any] | None, now_ms: int) -> int | None:
    """Return until when an endpoint wants to hear nothing; None if it may be called now."""
    hours = parse_quiet_hours((config or {}).get("quiet_hours"))
    return None if hours is None else hours.end_after(now_ms)


def check_quiet_hours(config: Mapping[str, Any]) -> None:
    """Refuse `quiet_hours` that aren't any.

    Raises:
        ChannelRefusal: INVALID_CONFIG.
    """
    if config.get("quiet_hours") is not None and parse_quiet_hours(config["quiet_hours"]) is None:
        raise ChannelRefusal(
            "INVALID_CONFIG",
            'quiet_hours must be {"from": "22:00", "to": "07:00", "utc_offset": "+08:00"}, with two'
            " different times; without utc_offset they are in UTC",
        )


def parse_quiet_hours(value: Any) -> QuietHours | None:
    """Return the span that `quiet_hours` means; None if it means none."""
    if not isinstance(value, Mapping) or set(value) - {"from", "to", "utc_offset"}:
        return None
    start, end = _time_ms(value.get("from")), _time_ms(value.get("to"))
    offset = _offset_ms(value.get("utc_offset", "+00:00"))
    if start is None or end is None or offset is None or start == end:
        return None
    return QuietHours(start, end, offset)


def _time_ms(text: Any) -> int | None:
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    return None if match is None else (int(match[1]) * 60 + int(match[2])) * _MINUTE_MS


def _offset_ms(text: Any) -> int | None:
    match = _OFFSET.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    return (-minutes if match[1] == "-" else minutes) * _MINUTE_MS
