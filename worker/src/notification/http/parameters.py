"""Reading query parameters and body fields, and describing pages of a list."""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from notification.errors import ServiceError
from notification.storage.capped_count import MAX_COUNTED, shown_total
from notification.timestamps import iso

_MAX_ID = 2**53 - 1
"""What a JavaScript number holds exactly, and so D1's binding."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,6})?)?"
    r"(Z|[+ -][0-9]{2}:?[0-9]{2})?"
)


def whole_number(
    query: dict[str, str], name: str, *, default: int, minimum: int = 1, maximum: int = 2**52
) -> int:
    """Read a query parameter that is a whole number within bounds.

    Raises:
        ServiceError: INVALID_PARAMETER.
    """
    text = query.get(name)
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 16 or int(text) < minimum:
        kind = "a positive integer" if minimum > 0 else "a non-negative integer"
        raise ServiceError("INVALID_PARAMETER", f"{name} must be {kind}")
    if int(text) > maximum:
        raise ServiceError("INVALID_PARAMETER", f"{name} must not exceed {maximum}")
    return int(text)


def row_id(text: str) -> int | None:
    """Read the id of a row from a path or a list; None if no row can have it."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_ID))
    return int(text) if is_number and int(text) <= _MAX_ID else None


def switch(query: dict[str, str], name: str) -> bool | None:
    """Read a query parameter that is `true` or `false`; None if it is missing.

    Raises:
        ServiceError: INVALID_PARAMETER.
    """
    text = query.get(name) or None
    if text not in {None, "true", "false"}:
        raise ServiceError("INVALID_PARAMETER", f"{name} must be true or false")
    return None if text is None else text == "true"


def moment(query: dict[str, str], name: str, *, end: bool = False) -> str | None:
    """Read a query parameter that is an ISO 8601 date or date-time, as a stored time.

    A date means its first millisecond, or its last one if `end` is set. A date-time without a zone
    is UTC.

    Returns:
        The time as ISO text; None if the parameter is missing.

    Raises:
        ServiceError: INVALID_PARAMETER.
    """
    text = query.get(name)
    if text is None or text == "":
        return None
    try:
        if _DATE.fullmatch(text):
            value = datetime.fromisoformat(text).replace(tzinfo=UTC)
            value += timedelta(days=1, milliseconds=-1) if end else timedelta()
        elif _DATE_TIME.fullmatch(text):
            # The plus sign of a zone arrives as a space if the caller did not encode it.
            value = datetime.fromisoformat(text[:11] + text[11:].replace(" ", "+"))
            value = value if value.tzinfo else value.replace(tzinfo=UTC)
        else:
            raise ValueError
        return iso(int(value.timestamp() * 1000))
    except (ValueError, OverflowError):
        raise _wrong(
            f"Invalid date string: {name} must be ISO 8601, such as 2026-12-01T09:00:00Z"
        ) from None


def _wrong(text: str) -> ServiceError:
    return ServiceError("INVALID_PARAMETER", text)


def text_field(body: dict[str, Any], *names: str, may_be_empty: bool = False) -> str | None:
    """Read the first of `names` that the body has.

    An empty text is no absent one: a filter that came out empty would take everything. Where it
    `may_be_empty`, it counts as absent.

    Raises:
        ServiceError: INVALID_PARAMETER if it is not text, or empty where it may not be.
    """
    for name in names:
        value = body.get(name)
        if value is not None and not isinstance(value, str):
            raise _wrong(f"{name} must be a string")
        if value == "" and not may_be_empty:
            raise _wrong(f"{name} must not be empty; leave it out instead")
        if value:
            return str(value)
    return None


def one_of(name: str, value: str | None, choices: Collection[str]) -> str | None:
    """Return a value that is one of a few, or None if there is none.

    Raises:
        ServiceError: INVALID_PARAMETER, with the choices.
    """
    if value is not None and value not in choices:
        raise _wrong(f"Invalid {name}: it must be one of {', '.join(choices)}")
    return value


def whole_field(
    body: dict[str, Any], name: str, *, default: int | None = None, maximum: int = _MAX_ID
) -> int | None:
    """Read a positive integer up to `maximum` from the body; None if it is missing.

    Raises:
        ServiceError: INVALID_PARAMETER.
    """
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _wrong(f"{name} must be a positive integer")
    if value > maximum:
        raise _wrong(f"{name} must not exceed {maximum}")
    return value


def flag_field(body: dict[str, Any], name: str, *, default: bool) -> bool:
    """Read a boolean from the body.

    Raises:
        ServiceError: INVALID_PARAMETER.
    """
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise _wrong(f"{name} must be a boolean")
    return value


def ids_field(body: dict[str, Any], name: str) -> list[int] | None:
    """Read a list of at most 1,000 ids from the body; None if it is missing.

    Raises:
        ServiceError: INVALID_PARAMETER.
    """
    value = body.get(name)
    if value is None:
        return None
    valid = isinstance(value, list) and all(
        isinstance(item, int) and not isinstance(item, bool) and 0 <= item <= _MAX_ID
        for item in value
    )
    if not valid or len(value) > 1_000:
        raise _wrong(f"{name} must be an array of at most 1000 ids")
    return list(value)


def pagination(counted: int, *, limit: int, offset: int, rows: int) -> dict[str, Any]:
    """Return the contract's paging fields for a page of `rows` rows.

    `counted` is how far the list was counted. If counting stopped at its maximum, a full page means
    that there may be more.

    >>> pagination(3, limit=2, offset=0, rows=2)
    {'total': 3, 'limit': 2, 'offset': 0, 'hasMore': True}
    """
    more = rows == limit if counted > MAX_COUNTED else rows > 0 and offset + rows < counted
    return {**shown_total(counted), "limit": limit, "offset": offset, "hasMore": more}
