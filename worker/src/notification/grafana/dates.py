"""Grafana's dates for people, the same in every place and language."""

import re
from datetime import UTC, datetime, timedelta, timezone

ABSENT = "N/A"
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,9})?)?"
    r"(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2}))?)?"
)


def readable_date(text: str) -> str:
    """An ISO 8601 date or date-time as `YYYY-MM-DD HH:MM:SS UTC`.

    Year 1, which is how Go writes "no time", and an empty text give `N/A`; what is no date
    comes back as it is. A time without an offset is UTC.

    >>> readable_date("2025-01-05T18:00:00.123456789+08:00")
    '2025-01-05 10:00:00 UTC'
    """
    if not text:
        return ABSENT
    match = _DATE.fullmatch(text)
    if match is None:
        return text
    year, month, day, hour, minute, second, sign, hours, minutes = match.groups(default="0")
    if int(year) <= 1:
        return ABSENT
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute),
            int(second),
            tzinfo=timezone(-offset if sign == "-" else offset),
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    # strftime pads years differently from one platform to the next.
    return f"{moment.isoformat(sep=' ', timespec='seconds')[:19]} UTC"
