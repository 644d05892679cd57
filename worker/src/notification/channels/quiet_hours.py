"""Hours in which a recipient's endpoint wants to hear nothing that isn't urgent."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from notification.errors import ChannelRefusal
from notification.time_zones import Zone, find_zone
from notification.timestamps import DAY_MS

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_OFFSET = re.compile(r"([+-])(0[0-9]|1[0-4]):([0-5][0-9])")
_MINUTE_MS = 60_000
_FIELDS = frozenset({"from", "to", "utc_offset", "time_zone"})


class QuietHours(NamedTuple):
    """A span of every day, in ms after midnight by the clock of a zone, maybe over midnight."""

    start_ms: int
    end_ms: int
    zone: Zone

    def end_after(self, now_ms: int) -> int | None:
        """Return when the span that contains a moment ends; None if none contains it."""
        offset_ms = self._offset_ms(now_ms)
        since_midnight = (now_ms + offset_ms) % DAY_MS
        since_start = (since_midnight - self.start_ms) % DAY_MS
        length = (self.end_ms - self.start_ms) % DAY_MS
        if since_start >= length:
            return None
        end_ms = now_ms + length - since_start
        # Clocks may change in between.
        return end_ms + offset_ms - self._offset_ms(end_ms)

    def _offset_ms(self, at_ms: int) -> int:
        return self.zone.offset_s(datetime.fromtimestamp(at_ms / 1000, UTC)) * 1000


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
            'quiet_hours must be {"from": "22:00", "to": "07:00", "time_zone": "Europe/Berlin"},'
            ' with two different times; "utc_offset": "+08:00" may stand for the zone, and without'
            " either they are in UTC",
        )


def parse_quiet_hours(value: Any) -> QuietHours | None:
    """Return the span that `quiet_hours` means; None if it means none."""
    if not isinstance(value, Mapping) or set(value) - _FIELDS:
        return None
    start, end = _time_ms(value.get("from")), _time_ms(value.get("to"))
    zone = _zone(value)
    if start is None or end is None or zone is None or start == end:
        return None
    return QuietHours(start, end, zone)


def _time_ms(text: Any) -> int | None:
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    return None if match is None else (int(match[1]) * 60 + int(match[2])) * _MINUTE_MS


def _zone(value: Mapping[str, Any]) -> Zone | None:
    name = value.get("time_zone")
    if name is not None:
        return find_zone(name) if isinstance(name, str) and "utc_offset" not in value else None
    text = value.get("utc_offset", "+00:00")
    match = _OFFSET.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    offset_s = (-minutes if match[1] == "-" else minutes) * 60
    return Zone(offset_s, offset_s, None)
