"""Limits on callers, counted by the platform.

Its counters answer yes or no: how much of a limit is left is known only once it is used up.
"""

from typing import Any

from notification.errors import ServiceError
from notification.http.request import Request
from notification.identity import MAX_USER_ID, fold_recipient
from notification.ports.outbound import MAX_HOPS
from notification.ports.platform import Platform

_PERIOD_S = 60


def _refusal(limit: int, platform: Platform) -> ServiceError:
    return ServiceError(
        "RATE_LIMIT_EXCEEDED",
        "Rate limit exceeded. Please try again later.",
        retry_after=_PERIOD_S,
        headers={
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(platform.clock.now_ms() // 1000 + _PERIOD_S),
        },
    )


def hops_of(request: Request) -> int:
    """Return how many services like this one have forwarded a message on its way here.

    Each says so in a header of its calls, so a circle of them ends, whatever names they go by.

    Raises:
        ServiceError: LOOP_DETECTED beyond `MAX_HOPS`, or INVALID_PARAMETER for another text.
    """
    text = request.headers.get("x-notification-hops", "0").strip()
    if not (text.isascii() and text.isdigit()):
        raise ServiceError("INVALID_PARAMETER", "X-Notification-Hops must be a whole number")
    if len(text) > 9 or int(text) > MAX_HOPS:
        raise ServiceError(
            "LOOP_DETECTED",
            f"The message was forwarded more than {MAX_HOPS} times: its endpoints call each other"
            " in a circle. Point one of them elsewhere.",
        )
    return int(text)


async def within_address_limit(request: Request, platform: Platform) -> dict[str, str]:
    """Count an unauthenticated call, and return the headers that tell its limit.

    Raises:
        ServiceError: RATE_LIMIT_EXCEEDED.
    """
    limiter, limit = platform.address_limiter, platform.settings.rate_limit_address_per_minute
    if limiter is None:
        return {}
    if not await limiter.allows(request.address):
        raise _refusal(limit, platform)
    return {"X-RateLimit-Limit": str(limit)}


async def within_recipient_limit(request: Request, platform: Platform) -> dict[str, str]:
    """Count a signed call for its recipient, before its body is validated.

    Returns:
        The headers that tell the limit.

    Raises:
        ServiceError: RATE_LIMIT_EXCEEDED.
    """
    try:
        user_id: Any = request.json_object().get("user_id")
    except ServiceError:
        user_id = None
    return await within_limit_of(user_id, platform)


async def within_limit_of(user_id: Any, platform: Platform) -> dict[str, str]:
    """Count a signed call for a recipient, whatever a body has in place of one.

    Returns:
        The headers that tell the limit.

    Raises:
        ServiceError: RATE_LIMIT_EXCEEDED.
    """
    limiter = platform.recipient_limiter
    if limiter is None:
        return {}
    recipient, limit = _recipient(user_id), platform.settings.rate_limit_per_minute
    if recipient is not None and not await limiter.allows(recipient):
        raise _refusal(limit, platform)
    return {"X-RateLimit-Limit": str(limit)}


def _recipient(user_id: Any) -> str | None:
    if not isinstance(user_id, str):
        return None
    return fold_recipient(user_id)[:MAX_USER_ID] or None
