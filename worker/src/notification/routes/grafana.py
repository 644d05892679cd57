"""Alerts of Grafana and of Prometheus's Alertmanager become notifications to their receiver.

Alertmanager's webhook (version 4 of its payload) has the fields that Grafana's took over from it.
Source: Prometheus documentation, "Alerting configuration", `webhook_config`.
"""

import json
from typing import Any

from notification.channels.registry import CHANNELS
from notification.errors import ServiceError
from notification.foreign_json import TooDeep
from notification.grafana.message import alert_message
from notification.grafana.payload import (
    IDEMPOTENCY_WINDOW_S,
    GrafanaPayload,
    idempotency_key,
    read_payload,
    requested_channels,
)
from notification.grafana.variables import alert_variables
from notification.http.limits import hops_of
from notification.http.request import Request
from notification.http.response import Response, success
from notification.http.router import Access, Call, Route
from notification.identity import recipient_id
from notification.logging import Log
from notification.markup.plain_text import cut
from notification.sending.command import (
    MAX_CHANNELS,
    MAX_CONTENT,
    MAX_SUBJECT,
    SendCommand,
    is_template_key,
)
from notification.sending.result import undelivered_channels
from notification.sending.send import Sender, SendResult

_MAX_VARIABLES = 65_536
"""Bytes of JSON; the same as for a send."""


async def receive_alerts(call: Call) -> Response:
    """Send a group of alerts to its receiver.

    200 means that a channel has sent it or will retry: Grafana need not repeat the call.
    """
    return await _received(call, "Grafana")


async def receive_alertmanager(call: Call) -> Response:
    """Send a group of alerts to its receiver, as `receive_alerts`.

    The channels may stand in the URL, as `?channels=`: older releases of Alertmanager send no
    header of one's own.
    """
    return await _received(call, "Prometheus")


async def _received(call: Call, source: str) -> Response:
    payload = read_payload(_parsed(call.request))
    user_id = recipient_id(payload.receiver)
    channels = requested_channels(
        call.request.headers.get("x-notification-channels") or call.request.query.get("channels"),
        CHANNELS,
    )
    if len(channels) > MAX_CHANNELS:
        raise ServiceError(
            "INVALID_PARAMETER",
            f"X-Notification-Channels must not name more than {MAX_CHANNELS} channels",
        )
    call.request.channels = channels
    sent = await _send(call, payload, user_id, channels, source)
    call.request.undelivered = undelivered_channels(sent.results)
    if sent.results and all(result["status"] == "failed" for result in sent.results):
        raise ServiceError("ADAPTER_ERROR", _joined_errors(sent))
    data = {
        "message_ids": [result["messageId"] for result in sent.results],
        "processed_alerts": len(payload.shown),
        "notification_status": [
            {
                "channelType": result["channelType"],
                "status": result["status"],
                "messageId": result["messageId"],
                "error": result.get("error"),
            }
            for result in sent.results
        ],
    }
    headers = {"Idempotent-Replayed": "true"} if sent.replayed else {}
    return success(headers=headers, data=data)


def _parsed(request: Request) -> Any:
    try:
        return request.json_object()
    except ServiceError as error:
        if isinstance(error.__cause__, TooDeep):
            raise
        return None


async def _send(
    call: Call, payload: GrafanaPayload, user_id: str, channels: tuple[str, ...], source: str
) -> SendResult:
    log = Log.of(call.platform, gathered=call.request.accepted, requestId=call.request.id)
    sender = Sender(
        await call.platform.for_user(user_id),
        request_id=call.request.id,
        own_host=call.request.host,
        log=log,
        key_life_ms=IDEMPOTENCY_WINDOW_S * 1000,
    )
    key = idempotency_key(payload, channels, source)
    hops = hops_of(call.request)
    template_key = payload.template_key
    if template_key is not None and is_template_key(template_key):
        try:
            return await sender.send(
                SendCommand(
                    user_id=user_id,
                    channels=channels,
                    template_key=template_key,
                    variables=_fitting_variables(payload),
                    content=None,
                    subject=None,
                    idempotency_key=key,
                    metadata=None,
                    identity=key,
                    hops=hops,
                )
            )
        except ServiceError as error:
            if error.code != "TEMPLATE_NOT_FOUND":
                raise
    if template_key is not None:
        log.write(
            "warn", "Alerts name an unknown template; sent as plain message", template=template_key
        )
    message = alert_message(payload, source)
    return await sender.send(
        SendCommand(
            user_id=user_id,
            channels=channels,
            template_key=None,
            variables=None,
            content=cut(message.content, MAX_CONTENT).text,
            subject=cut(message.subject, MAX_SUBJECT).text,
            idempotency_key=key,
            metadata=None,
            content_type="markdown",
            identity=key,
            hops=hops,
        )
    )


def _fitting_variables(payload: GrafanaPayload) -> dict[str, Any]:
    """Return the variables, with as many alerts as their size limit allows."""
    while True:
        variables = alert_variables(payload)
        size = len(json.dumps(variables, ensure_ascii=False).encode())
        if size <= _MAX_VARIABLES or len(payload.shown) == 1:
            return variables
        kept = len(payload.shown) // 2
        dropped = len(payload.shown) - kept
        payload = payload._replace(
            alerts=payload.alerts[:kept], truncated_alerts=payload.truncated_alerts + dropped
        )


def _joined_errors(sent: SendResult) -> str:
    texts = (f"{r['channelType']}: {r.get('error') or 'not accepted'}" for r in sent.results)
    return "; ".join(texts)


ROUTES = (
    Route(
        "POST",
        "/api/webhooks/grafana",
        receive_alerts,
        access=Access.GRAFANA,
        aliases=("/api/grafana/webhook",),
        query=("channels",),
    ),
    Route(
        "POST",
        "/api/webhooks/alertmanager",
        receive_alertmanager,
        access=Access.GRAFANA,
        query=("channels",),
    ),
)
