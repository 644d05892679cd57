"""Dates and numbers as people write them: `{{date x "Asia/Shanghai" "YYYY-MM-DD HH:mm"}}`."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from notification.templates.values import number_text, value_text

_ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r"[ ]?(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))?)?"
)
_EPOCH = re.compile(r"-?[0-9]{1,13}")
_MILLISECONDS_FROM = 100_000_000_000
"""A larger number counts milliseconds: as seconds it would be the year 5138."""
_TOKEN = re.compile(
    r"\[([^\[\]]*+)\]|YYYY|YY|MMMM|MMM|MM|M|DD|D|dddd|ddd|HH|H|hh|h|mm|m|ss|s|SSS|A|a|ZZ|Z"
)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_NUMBER = re.compile(r"([+-]?)([0-9]{1,40})(?:\.([0-9]{1,40}))?")
MAX_DIGITS = 15
"""Digits after a number's point."""
DEFAULT_FORMAT = "YYYY-MM-DD HH:mm"


def format_date(value: Any, zone: str = "UTC", layout: str = DEFAULT_FORMAT) -> str:
    """Write a moment in a zone's time.

    >>> format_date("2025-01-05T10:00:00Z", "Asia/Shanghai", "YYYY-MM-DD HH:mm")
    '2025-01-05 18:00'

    Args:
        value: an ISO 8601 text (without an offset it is UTC), or seconds or milliseconds since the
            epoch; anything else is written as it is.
        zone: the zone's IANA name; UTC if there is no such zone.
        layout: tokens of day.js (`YYYY`, `MMM`, `DD`, `HH`, `mm`, `ss`, `Z`, ...); what stands in
            brackets is text.
    """
    moment = _moment(value)
    if moment is None:
        return value_text(value)
    # Few templates show a time.
    from notification.time_zones import find_zone

    found = find_zone(zone)
    offset_s = 0 if found is None else found.offset_s(moment)
    try:
        local = moment.astimezone(timezone(timedelta(seconds=offset_s)))
    except (OverflowError, ValueError):
        return value_text(value)
    return _TOKEN.sub(lambda match: _token(match, local), layout)


def format_number(value: Any, digits: str = "") -> str:
    """Write a number with commas between thousands; with `digits`, so many after the point.

    More than `MAX_DIGITS` are cut, and what is no count of digits changes nothing: a template may
    be older than the rule for it.

    >>> format_number(1234567.5), format_number("1234.5", "2"), format_number("n/a")
    ('1,234,567.5', '1,234.50', 'n/a')
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    text = number_text(value) if is_number else value_text(value)
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    if digits.isascii() and digits.isdigit():
        # Few templates round a number.
        from decimal import ROUND_HALF_UP, Context, Decimal

        places = Decimal(1).scaleb(-min(int(digits), MAX_DIGITS))
        context = Context(prec=100, rounding=ROUND_HALF_UP)
        match = _NUMBER.fullmatch(f"{Decimal(text).quantize(places, context=context):f}") or match
    sign, whole, fraction = match.groups()
    return f"{sign.replace('+', '')}{int(whole):,}{'.' + fraction if fraction else ''}"


def is_count_of_digits(text: str) -> bool:
    """Return whether a number can be written with so many digits after its point."""
    return text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= MAX_DIGITS


def _moment(value: Any) -> datetime | None:
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float) or (
            isinstance(value, str) and _EPOCH.fullmatch(value.strip())
        ):
            number = float(value)
            seconds = number / 1000 if abs(number) >= _MILLISECONDS_FROM else number
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        match = _ISO.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            return None
        year, month, day, hour, minute, second = (int(match[n] or 0) for n in range(1, 7))
        micro = int((match[7] or "0").ljust(6, "0")[:6])
        offset = timedelta(hours=int(match[10] or 0), minutes=int(match[11] or 0))
        zone = timezone(-offset if match[9] == "-" else offset)
        return datetime(year, month, day, hour, minute, second, micro, zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _token(match: re.Match[str], at: datetime) -> str:
    token = match[0]
    if match[1] is not None:
        return match[1]
    if token[0] == "Z":
        minutes = int((at.utcoffset() or timedelta()).total_seconds()) // 60
        colon = "" if len(token) == 2 else ":"
        return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{colon}{abs(minutes) % 60:02}"
    texts = {
        "YYYY": f"{at.year:04}",
        "YY": f"{at.year % 100:02}",
        "MMMM": _MONTHS[at.month - 1],
        "MMM": _MONTHS[at.month - 1][:3],
        "dddd": _DAYS[at.weekday()],
        "ddd": _DAYS[at.weekday()][:3],
        "SSS": f"{at.microsecond // 1000:03}",
        "A": "AM" if at.hour < 12 else "PM",
        "a": "am" if at.hour < 12 else "pm",
    }
    if token in texts:
        return texts[token]
    numbers = {
        "M": at.month,
        "D": at.day,
        "H": at.hour,
        "h": at.hour % 12 or 12,
        "m": at.minute,
        "s": at.second,
    }
    number = numbers[token[0]]
    return f"{number:02}" if len(token) == 2 else str(number)
