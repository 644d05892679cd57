"""One call to the service without any input or output: what to ask for, how to read the answer."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import httpx

from notification_sdk._arguments import filled
from notification_sdk._errors import (
    InvalidResponse,
    NotificationError,
    UnknownFieldsWarning,
    ValidationError,
    status_error_type,
)
from notification_sdk._reading import Fields

T = TypeVar("T")
Moment = date | datetime | str
"""A date, a time with its zone, or either as ISO-8601 text."""


@dataclass(frozen=True)
class Answer:
    """The service's answer to a call that succeeded."""

    fields: Fields
    headers: Mapping[str, str]
    status: int


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """One call.

    Attributes:
        target: path and query, percent-encoded.
        body: the JSON object to send.
        read: makes the result of the answer.
        repeatable: whether making the call twice does no more than making it once.
        accepted: statuses of 400 or more that are an answer all the same.
        when_gone: makes the result of a 404 that follows a try whose answer was lost: the earlier
            try has deleted it.
    """

    method: str
    target: str
    read: Callable[[Answer], T]
    body: Mapping[str, Any] | None = None
    repeatable: bool = True
    accepted: tuple[int, ...] = ()
    when_gone: Callable[[], T] | None = None

    def content(self) -> bytes:
        """Return the body's bytes.

        Raises:
            ValidationError: the body isn't JSON.
        """
        if self.body is None:
            return b""
        try:
            return json.dumps(self.body, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise ValidationError(
                f"The body of {self.method} {self.target} can't be written as JSON: {error}. "
                "Pass texts, numbers, booleans, None, lists and dicts.",
                code="INVALID_REQUEST",
            ) from None


def read_answer(call: Call[T], response: httpx.Response, *, now: float) -> T:
    """Return the call's result.

    Args:
        now: seconds since the epoch.

    Raises:
        StatusError: the service refused.
        InvalidResponse: the answer isn't the service's.
    """
    try:
        document = response.json()
    except (ValueError, RecursionError):
        document = None
    _warn_of_unknown_fields(response, document)
    if response.status_code >= 400 and response.status_code not in call.accepted:
        raise _refusal(response, document if isinstance(document, dict) else {}, now)
    answered = response.is_success or response.status_code in call.accepted
    if not isinstance(document, dict) or not answered:
        raise InvalidResponse(
            f"{_asked(response)} answered {response.status_code} without a JSON object. "
            "Is base_url the service's?",
            code="INVALID_RESPONSE",
            status=response.status_code,
            request=response.request,
        )
    place = f"the answer to {_asked(response)}"
    try:
        return call.read(Answer(Fields(document, place), response.headers, response.status_code))
    except InvalidResponse as error:
        error.status, error.request = response.status_code, response.request
        raise


def _warn_of_unknown_fields(response: httpx.Response, document: object) -> None:
    told = document.get("warnings") if isinstance(document, dict) else None
    for each in told if isinstance(told, list) else ():
        if isinstance(each, dict) and each.get("code") == "UNKNOWN_FIELDS":
            warnings.warn(f"{_asked(response)}: {each.get('message')}", UnknownFieldsWarning, 2)


def _asked(response: httpx.Response) -> str:
    return f"{response.request.method} {response.request.url.path}"


def _refusal(
    response: httpx.Response, document: Mapping[str, Any], now: float
) -> NotificationError:
    status = response.status_code
    reason, code, request_id = (document.get(name) for name in ("error", "code", "request_id"))
    kind = status_error_type(status)
    return kind(
        reason if isinstance(reason, str) else f"{_asked(response)} was refused with {status}.",
        code=code if isinstance(code, str) else f"HTTP_{status}",
        details=document.get("details"),
        status=status,
        request_id=(
            request_id if isinstance(request_id, str) else response.headers.get("x-request-id")
        ),
        retry_after=_retry_after(response, now),
        request=response.request,
    )


def _retry_after(response: httpx.Response, now: float) -> float | None:
    """Return the ``Retry-After`` header in seconds.

    The service sends seconds; a proxy before it may send a date (RFC 9110, section 10.2.3).
    """
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        found = parsedate_to_datetime(text)
        moment = found if found.tzinfo else found.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now)
    except (ValueError, OverflowError):
        return None


def path(*segments: str) -> str:
    """Return a path whose segments may hold any character."""
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


def target_of(base: str, query: Mapping[str, object]) -> str:
    """Return path and query, without the parameters that are ``None``.

    Raises:
        ValidationError: a parameter is an empty text.
    """
    pairs = [(name, shown(value)) for name, value in filled(query).items()]
    return f"{base}?{urlencode(pairs, quote_via=quote)}" if pairs else base


def shown(value: object) -> str:
    """Return a value as the API writes it: times in UTC, with milliseconds.

    Raises:
        ValidationError: a time without a zone.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValidationError(
                f"{value!r} has no time zone. Pass a datetime with tzinfo, such as "
                "datetime.now(timezone.utc).",
                code="INVALID_PARAMETER",
            )
        text = value.astimezone(UTC).isoformat(timespec="milliseconds")
        return text.replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)
