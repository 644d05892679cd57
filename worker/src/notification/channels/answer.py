"""The rules that all channels share for an endpoint's answer."""

import json
from collections.abc import Collection, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from notification.channels.channel import (
    BROKEN,
    DELIVERED,
    REJECTED,
    THROTTLED,
    THROTTLED_CODE,
    Verdict,
)
from notification.foreign_json import MAX_DEPTH, TooDeep, parse_foreign_json
from notification.ports.outbound import OutboundAnswer
from notification.timestamps import DAY_MS

_GONE = 410
_MAX_WAIT_S = 3_600
_MAX_THROTTLED_S = DAY_MS // 1000
"""A throttled notification waits as it is told, within the day that it has."""
_MAX_ERROR_TEXT = 500
_MAX_DETAILS = 2_048
_MAX_DETAILS_DEPTH = MAX_DEPTH - 3
"""Our own answer nests the details at its fourth level, and stays within the limit itself."""
_WORTH_REPEATING = (408, 425)
"""Request Timeout and Too Early (RFC 9110, 15.5.9; RFC 8470, 5.2): the same call may succeed."""


def judge_status(answer: OutboundAnswer, now_ms: int) -> Verdict | None:
    """Return a verdict unless the status is 2xx, which the channel judges itself.

    408, 425 and 5xx are broken, 429 is throttled; any other status, a redirect included, is
    rejected.
    """
    if 200 <= answer.status < 300:
        return None
    error = f"HTTP {answer.status}: {answer.body[:_MAX_ERROR_TEXT]}".rstrip(": ")
    if answer.status == 429:
        return throttled(error, answer, now_ms)
    if answer.status >= 500 or answer.status in _WORTH_REPEATING:
        wait_s = min(retry_after_seconds(answer, now_ms), _MAX_WAIT_S)
        return Verdict(BROKEN, error, "HTTP_ERROR", retry_after_s=wait_s)
    return Verdict(REJECTED, error, "HTTP_ERROR", gone=answer.status == _GONE)


def judge_code(
    code: Any,
    outcomes: Mapping[Any, str],
    *,
    gone: Collection[Any] = (),
    error: str,
    name: str,
    answer: OutboundAnswer,
    now_ms: int,
    told_s: int = 0,
) -> Verdict:
    """Judge by a provider's own code; one that its table doesn't name is broken.

    Args:
        code: the code.
        outcomes: the provider's documented codes and what each means.
        gone: those of them that say that the endpoint doesn't exist any more.
        error: the text of the error.
        name: our code of the error.
        answer: the answer that held the code.
        now_ms: the time.
        told_s: the wait that a header of the provider's own names, in seconds.
    """
    outcome = outcomes.get(code, BROKEN)
    if outcome == THROTTLED:
        return throttled(error, answer, now_ms, told_s=told_s)
    wait_s = min(retry_after_seconds(answer, now_ms), _MAX_WAIT_S) if outcome == BROKEN else 0
    is_gone = outcome == REJECTED and (code in gone or answer.status == _GONE)
    return Verdict(outcome, error, name, retry_after_s=wait_s, gone=is_gone)


def throttled(error: str, answer: OutboundAnswer, now_ms: int, *, told_s: int = 0) -> Verdict:
    """Return the verdict for an endpoint that asks for fewer calls.

    Args:
        error: the text of the error.
        answer: the answer; its `Retry-After` counts.
        now_ms: the time.
        told_s: the wait that the body names, in seconds.
    """
    wait_s = min(max(told_s, retry_after_seconds(answer, now_ms)), _MAX_THROTTLED_S)
    return Verdict(THROTTLED, error, THROTTLED_CODE, retry_after_s=wait_s)


def unconfirmed() -> Verdict:
    """Return the verdict for a 2xx whose body, which holds the provider's word, can't be read."""
    return Verdict(DELIVERED, details={}, unconfirmed=True)


def retry_after_seconds(answer: OutboundAnswer, now_ms: int) -> int:
    """Parse `Retry-After` (RFC 9110, 10.2.3: seconds or a date) into seconds from now."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(-(-(int(moment.timestamp() * 1000) - now_ms) // 1000), 0)


def provider_object(answer: OutboundAnswer) -> tuple[dict[str, Any], bool]:
    """Parse the answer's body as the object in which a provider tells what became of a message.

    Returns:
        The object, empty if there is none; and whether the body could be read to its end. A body
        that is cut short, too long or nested too deep says nothing about the message.
    """
    try:
        value = parse_foreign_json(answer.body)
    except TooDeep:
        return {}, False
    except ValueError:
        return {}, answer.is_whole
    return (value if isinstance(value, dict) else {}), True


def parsed_details(answer: OutboundAnswer, *, limit: int | None = _MAX_DETAILS) -> Any:
    """Parse the answer as JSON; return `{}` if it is invalid or longer than `limit` characters."""
    try:
        if limit is not None and len(answer.body) > limit:
            return {}
        value = parse_foreign_json(answer.body, max_depth=_MAX_DETAILS_DEPTH)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return {}
    return value


def short(details: Any) -> Any:
    """Return `details`, or `{}` if its JSON is longer than 2 KB or too deep for our answer."""
    text = json.dumps(details, ensure_ascii=False)
    if len(text) > _MAX_DETAILS:
        return {}
    try:
        parse_foreign_json(text, max_depth=_MAX_DETAILS_DEPTH)
        text.encode()
    except ValueError:
        return {}
    return details
