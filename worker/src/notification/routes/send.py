"""`POST /api/notifications/send`."""

from typing import Any

from notification.channels.registry import CHANNELS
from notification.http.limits import within_recipient_limit
from notification.http.response import Response, success
from notification.http.router import Call, Route
from notification.logging import Log
from notification.sending.command import CUSTOM_FIELDS, SEND_FIELDS, parse_send
from notification.sending.result import undelivered_channels
from notification.sending.send import Sender


async def send_notification(call: Call) -> Response:
    """Send a notification over one or more channels.

    200 means that the request was processed, even if every channel failed.
    """
    request, platform = call.request, call.platform
    limits = await within_recipient_limit(request, platform)
    body = request.json_object()
    request.check_fields(body, SEND_FIELDS)
    request.check_fields(body.get("custom_content"), CUSTOM_FIELDS, "custom_content")
    command = parse_send(
        body,
        known_channels=CHANNELS,
        header_key=request.headers.get("idempotency-key"),
        now_ms=platform.clock.now_ms(),
    )
    request.channels = command.channels
    sender = Sender(
        await platform.for_user(command.user_id),
        request_id=request.id,
        own_host=request.host,
        log=Log.of(platform, gathered=request.accepted, requestId=request.id),
    )
    result = await sender.send(command)
    request.undelivered = undelivered_channels(result.results)
    headers = {**limits, "Idempotent-Replayed": "true"} if result.replayed else limits
    fields: dict[str, Any] = {"request_id": request.id, "results": result.results}
    if result.warnings:
        fields["warnings"] = list(result.warnings)
    return success(headers=headers, **fields)


ROUTES = (
    Route(
        "POST",
        "/api/notifications/send",
        send_notification,
        aliases=("/api/send-notification",),
    ),
)
