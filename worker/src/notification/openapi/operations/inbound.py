"""Webhooks that come in: Grafana's alerts and the bridge."""

from notification.openapi.operation import Operation, Parameter
from notification.openapi.schemas import (
    ANY_OBJECT,
    ANYTHING,
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
    "IDEMPOTENCY_IN_PROGRESS",
    "IDEMPOTENCY_KEY_REUSED",
    "ADAPTER_ERROR",
)

OPERATIONS = {
    grafana.receive_alerts: Operation(
        tag="Inbound",
        parameters=(
            Parameter("X-Notification-Channels", TEXT, "Channels, separated by commas", "header"),
        ),
        body=_ALERTS,
        answers={
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
        },
        errors=(*_SEND_CODES, "INVALID_PARAMETER", "USER_NO_CHANNELS"),
    ),
    bridge.forward: Operation(
        tag="Inbound",
        parameters=(
            Parameter("token", TEXT, "The bridge's token"),
            Parameter("X-Bridge-Token", TEXT, "The same as a header", "header"),
        ),
        body=ANYTHING,
        body_types=("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"),
        answers={
            200: succeeded(
                {"message": TEXT, "message_id": TEXT_OR_NULL, "duration": WHOLE},
                {"status": choice("retry_scheduled", "pending", "unknown")},
            )
        },
        errors=(
            *_SEND_CODES,
            "UNAUTHORIZED",
            "FORBIDDEN",
            "INVALID_CHANNEL_TYPE",
            "MISSING_CONTENT",
            "NOT_FOUND",
        ),
        failure_fields={"errors": array(TEXT), "duration": WHOLE},
    ),
}
