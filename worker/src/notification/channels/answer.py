"""The rules that all channels share for an endpoint's answer."""

import json
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from notification.channels.channel import Verdict
from notification.foreign_json import MAX_DEPTH, parse_foreign_json
from notification.ports.outbound import OutboundAnswer

_MAX_WAIT_S = 3_600
_MAX_ERROR_TEXT = 500
_MAX_DETAILS = 2_048
_MAX_DETAILS_DEPTH = MAX_DEPTH - 3
"""Our own answer nests the details at its fourth level, and stays within the limit itself."""


def judge_status(answer: OutboundAnswer, now_ms: int) -> Verdict | None:
    """Return a verdict unless the status is 2xx, which the channel judges itself.

    5xx and 429 are worth a retry, after `Retry-After` (an hour at most). Any other status, a
    redirect included, would be the same next time.
    """
    if 200 <= answer.status < 300:
        return None
    retryable = answer.status >= 500 or answer.status == 429
    return Verdict(
        accepted=False,
        retryable=retryable,
        error=f"HTTP {answer.status}: {answer.body[:_MAX_ERROR_TEXT]}".rstrip(": "),
        code="HTTP_ERROR",
        retry_after_s=retry_after_seconds(answer, now_ms) if retryable else 0,
    )


def retry_after_seconds(answer: OutboundAnswer, now_ms: int) -> int:
    """Parse `Retry-After` (RFC 9110, 10.2.3: seconds or a date) into seconds from now."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), _MAX_WAIT_S)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = -(-(int(moment.timestamp() * 1000) - now_ms) // 1000)
    return min(max(seconds, 0), _MAX_WAIT_S)


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
    """Return `details`, or `{}` if its JSON is longer than 2 KB."""
    return details if len(json.dumps(details, ensure_ascii=False)) <= _MAX_DETAILS else {}
