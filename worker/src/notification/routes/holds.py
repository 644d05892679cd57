"""`/api/holds`: channels that operators hold back."""

from typing import Any

from notification.channels.registry import CHANNELS
from notification.delivery.holds import Hold, Holds
from notification.errors import ServiceError
from notification.http.parameters import moment, text_field
from notification.http.response import Response, success
from notification.http.router import Call, Route
from notification.http.unread_fields import refuse_unknown_fields
from notification.identity import recipient_id
from notification.logging import Log
from notification.timestamps import DAY_MS, from_iso

MAX_DAYS = 30
MAX_REASON = 500


def _holds(call: Call) -> Holds:
    return Holds(call.platform, Log.of(call.platform, requestId=call.request.id))


def _shown(hold: Hold) -> dict[str, Any]:
    return {
        "channel": hold.channel,
        "user_id": hold.user_id or None,
        "until": hold.held_until,
        "reason": hold.reason,
        "created_at": hold.created_at,
    }


def _place(call: Call) -> tuple[str, str]:
    """Return the channel and the user (empty: everybody) of a call."""
    channel = call.parameters["channel"]
    if channel not in CHANNELS:
        raise ServiceError(
            "INVALID_CHANNEL_TYPE",
            f"Invalid channel: {channel[:100]}. Valid channels are: {', '.join(CHANNELS)}",
        )
    # An empty name isn't everybody's: it would hold the channel, or release it, for all.
    user_id = call.request.query.get("user_id")
    return channel, "" if user_id is None else recipient_id(user_id)


async def list_holds(call: Call) -> Response:
    """List the holds that last, and how many notifications wait for one, by channel."""
    holds, waiting = await _holds(call).list()
    return success(data={"holds": [_shown(hold) for hold in holds], "waiting": waiting})


async def put_hold(call: Call) -> Response:
    """Hold a channel, for everybody or for `user_id`, until a moment at most 30 days ahead.

    What comes in is accepted, stored and waits; nothing is called. Held time counts neither as a
    retry nor towards a notification's 24 hours. A second call changes until when.
    """
    channel, user_id = _place(call)
    body = call.request.json_object()
    refuse_unknown_fields(body, "until", "reason")
    until = moment({"until": text_field(body, "until") or ""}, "until")
    now_ms = call.platform.clock.now_ms()
    if until is None or not 0 < from_iso(until) - now_ms <= MAX_DAYS * DAY_MS:
        raise ServiceError(
            "INVALID_PARAMETER",
            f"until must be an ISO 8601 time in the future, at most {MAX_DAYS} days ahead",
        )
    reason = text_field(body, "reason", may_be_empty=True) or ""
    if len(reason) > MAX_REASON:
        raise ServiceError("INVALID_PARAMETER", f"reason must not exceed {MAX_REASON} characters")
    hold = await _holds(call).put(channel, user_id, until_ms=from_iso(until), reason=reason)
    return success(data=_shown(hold))


async def delete_hold(call: Call) -> Response:
    """Take a hold away: what waits goes out at each endpoint's pace, the oldest first.

    `released` counts the notifications that go on at once; those beyond a thousand follow with the
    next runs of the cron.
    """
    released = await _holds(call).delete(*_place(call))
    return success(data={"released": released})


_ONE = "/api/holds/{channel}"

ROUTES = (
    Route("GET", "/api/holds", list_holds),
    Route("PUT", _ONE, put_hold, query=("user_id",)),
    Route("DELETE", _ONE, delete_hold, query=("user_id",)),
)
