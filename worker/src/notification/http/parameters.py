"""Reading query parameters."""

import re
from datetime import UTC, datetime, timedelta

from notification.errors import ServiceError
from notification.logging import iso

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,6})?)?"
    r"(Z|[+ -][0-9]{2}:?[0-9]{2})?"
)


def whole_number(
    query: dict[str, str], name: str, *, default: int, least: int = 1, most: int = 2**52
) -> int:
    """A whole number within bounds; raises `ServiceError` INVALID_PARAMETER."""
    text = query.get(name)
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 16 or int(text) < least:
        kind = "a positive integer" if least > 0 else "a non-negative integer"
        raise ServiceError("INVALID_PARAMETER", f"{name} must be {kind}")
    if int(text) > most:
        raise ServiceError("INVALID_PARAMETER", f"{name} must not exceed {most}")
    return int(text)


def moment(query: dict[str, str], name: str, *, end: bool = False) -> str | None:
    """An ISO-8601 date or date-time as stored text; None where it is missing.

    A bare date means its first millisecond, or its last one where `end` is set. A date-time
    without a zone is UTC. Raises `ServiceError` INVALID_PARAMETER.
    """
    text = query.get(name)
    if text is None or text == "":
        return None
    try:
        if _DATE.fullmatch(text):
            value = datetime.fromisoformat(text).replace(tzinfo=UTC)
            value += timedelta(days=1, milliseconds=-1) if end else timedelta()
        elif _DATE_TIME.fullmatch(text):
            # The plus sign of a zone arrives as a space where the caller did not encode it.
            value = datetime.fromisoformat(text[:11] + text[11:].replace(" ", "+"))
            value = value if value.tzinfo else value.replace(tzinfo=UTC)
        else:
            raise ValueError
        return iso(int(value.timestamp() * 1000))
    except (ValueError, OverflowError):
        raise ServiceError("INVALID_PARAMETER", "Invalid date string") from None
