"""Webhooks that come in: Grafana's alerts and the bridge."""

from notification.openapi.operation import Operation, Parameter
from notification.openapi.schemas import (
    ANY_OBJECT,
    ANYTHING,
    KEY,
    ROW_STATUS,
    TEXT,
    TEXT_OR_NULL,
    WHOLE,
    array,
    choice,
    record,
    succeeded,
)
from notification.routes import bridge, grafana

_STATE = choice("firing", "resolved")
_ALERT = {
    **record({"status": _STATE, "labels": ANY_OBJECT}, {"annotations": ANY_OBJECT}),
    "additionalProperties": True,
}
_ALERTS = {
    **record(
        {
            "receiver": {"type": "string", "minLength": 1},
            "status": _STATE,
            "alerts": {"type": "array", "items": _ALERT, "minItems": 1},
        },
        {"commonLabels": ANY_OBJECT, "groupKey": TEXT, "externalURL": TEXT},
    ),
    "additionalProperties": True,
}
_NOTIFIED = record(
    {"channelType": TEXT, "status": ROW_STATUS, "messageId": TEXT, "error": TEXT_OR_NULL}
)
_SEND_CODES = (
    "INVALID_USER_ID",
    "SECURITY_THREAT_DETECTED",
    "INVALID_PARAMETER",
    "LOOP_DETECTED",
    "IDEMPOTENCY_IN_PROGRESS",
    "IDEMPOTENCY_KEY_REUSED",
    "ADAPTER_ERROR",
)

_CHANNEL_PARAMETERS = (
    Parameter("X-Notification-Channels", TEXT, "Channels, separated by commas", "header"),
    Parameter("channels", TEXT, "The same in the URL"),
)
_ALERTS_ANSWERS = {
    200: succeeded(
        {
            "data": record(
                {
                    "message_ids": array(TEXT),
                    "processed_alerts": WHOLE,
                    "notification_status": array(_NOTIFIED),
                }
            )
        }
    )
}
_FORWARDED = {
    200: succeeded(
        {"message": TEXT, "message_id": TEXT_OR_NULL, "duration": WHOLE},
        {
            "status": choice("retry_scheduled", "pending", "unknown"),
            "replaced_bytes": WHOLE,
        },
    )
}
_FORWARD_CODES = (
    *_SEND_CODES,
    "UNAUTHORIZED",
    "INVALID_CHANNEL_TYPE",
    "MISSING_CONTENT",
    "NOT_FOUND",
    "INVALID_IDEMPOTENCY_KEY",
    "UNSUPPORTED_MEDIA_TYPE",
)

OPERATIONS = {
    grafana.receive_alerts: Operation(
        tag="Inbound",
        names_unknown_fields=False,
        parameters=_CHANNEL_PARAMETERS,
        body=_ALERTS,
        answers=_ALERTS_ANSWERS,
        errors=(*_SEND_CODES, "USER_NO_CHANNELS"),
    ),
    grafana.receive_alertmanager: Operation(
        tag="Inbound",
        names_unknown_fields=False,
        parameters=_CHANNEL_PARAMETERS,
        body=_ALERTS,
        answers=_ALERTS_ANSWERS,
        errors=(*_SEND_CODES, "USER_NO_CHANNELS"),
    ),
    bridge.receive_standard: Operation(
        tag="Inbound",
        names_unknown_fields=False,
        parameters=(
            Parameter("webhook-id", KEY, "The delivery, which counts once in a day", "header"),
            Parameter("webhook-timestamp", TEXT, "Unix time in seconds", "header"),
            Parameter("webhook-signature", TEXT, "`v1,` and base64, several by spaces", "header"),
        ),
        body=ANYTHING,
        body_types=("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"),
        answers=_FORWARDED,
        errors=_FORWARD_CODES,
        failure_fields={"errors": array(TEXT), "duration": WHOLE},
    ),
    bridge.forward: Operation(
        tag="Inbound",
        names_unknown_fields=False,
        parameters=(
            Parameter("token", TEXT, "The bridge's token"),
            Parameter("X-Bridge-Token", TEXT, "The same as a header", "header"),
            Parameter("idempotency_key", KEY, "Calls with one key in a day are one message"),
            Parameter("Idempotency-Key", KEY, "The same as a header", "header"),
            Parameter("X-GitHub-Delivery", KEY, "Used where there is no other key", "header"),
        ),
        body=ANYTHING,
        body_types=("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"),
        answers=_FORWARDED,
        errors=(*_FORWARD_CODES, "FORBIDDEN"),
        failure_fields={"errors": array(TEXT), "duration": WHOLE},
    ),
}
