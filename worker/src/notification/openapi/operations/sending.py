"""Sending, and taking failed notifications up again."""

from notification.identity import MAX_KEY
from notification.openapi.operation import Operation, Parameter
from notification.openapi.schemas import (
    ANY_OBJECT_OR_NULL,
    ANYTHING,
    BODY_WARNINGS,
    CHANNEL,
    FLAG,
    KEY,
    TEXT,
    TRUE,
    WARNINGS,
    WHOLE,
    array,
    choice,
    closed,
    record,
    shared,
    succeeded,
)
from notification.routes import batch, queue, send
from notification.sending.batch import MAX_SENDS
from notification.sending.command import MAX_CHANNELS

_CUSTOM = record(
    {"content": {"type": "string", "minLength": 1, "maxLength": 100_000}},
    {"subject": {"type": ["string", "null"], "maxLength": 1_000}},
)
_SEND = record(
    {
        "user_id": {"type": "string", "minLength": 1, "maxLength": 100},
        "channels": {
            "type": "array",
            "items": {"anyOf": [CHANNEL, {**array(CHANNEL), "minItems": 1}]},
            "minItems": 1,
            "maxItems": MAX_CHANNELS,
        },
    },
    {
        "template_key": {"type": ["string", "null"], "pattern": "^[A-Za-z0-9_-]{1,100}$"},
        "custom_content": {"anyOf": [_CUSTOM, {"type": "null"}]},
        "variables": {**ANY_OBJECT_OR_NULL, "maxProperties": 100},
        "idempotency_key": {"type": ["string", "null"], "minLength": 1, "maxLength": MAX_KEY},
        "metadata": ANY_OBJECT_OR_NULL,
        "send_at": {"type": ["string", "null"], "format": "date-time"},
        "urgent": FLAG,
    },
)
_BATCH = {
    "anyOf": [
        record({"notifications": {**array(ANYTHING), "minItems": 1, "maxItems": MAX_SENDS}}),
        record(
            {"user_ids": {**array(ANYTHING), "minItems": 1, "maxItems": MAX_SENDS}},
            {name: ANYTHING for name in (*_SEND["properties"], "channels") if name != "user_id"},
        ),
    ]
}
_TAKEN = record(
    {"index": WHOLE, "success": TRUE, "results": array(shared("SendResult")), "replayed": FLAG},
    {"warnings": WARNINGS},
)
_REFUSED = record(
    {
        "index": WHOLE,
        "success": {"const": False},
        "error": TEXT,
        "code": TEXT,
        "status": WHOLE,
    },
    {"retryAfter": WHOLE, "warnings": BODY_WARNINGS},
)
_RETRY = closed(
    {},
    {
        "log_id": WHOLE,
        "message_id": TEXT,
        "notification_id": TEXT,
        "user_id": TEXT,
        "channel": CHANNEL,
        "code": TEXT,
        "template_key": TEXT,
        "since": TEXT,
        "until": TEXT,
        "limit": {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100},
        "cursor": {"type": "integer", "minimum": 1},
        "max_age_hours": {"type": "integer", "minimum": 1, "maximum": 8_760},
    },
)
_REASON = choice("no_content", "rejected", "too_old")

OPERATIONS = {
    send.send_notification: Operation(
        tag="Sending",
        parameters=(Parameter("Idempotency-Key", KEY, "Used where the body has no key", "header"),),
        body=_SEND,
        answers={
            200: succeeded(
                {"request_id": TEXT, "results": array(shared("SendResult"))},
                {"warnings": WARNINGS},
            )
        },
        errors=(
            "INVALID_USER_ID",
            "INVALID_CHANNELS",
            "INVALID_CHANNEL_TYPE",
            "INVALID_TEMPLATE_KEY",
            "INVALID_VARIABLES",
            "INVALID_CUSTOM_CONTENT",
            "INVALID_CONTENT",
            "INVALID_SUBJECT",
            "INVALID_METADATA",
            "MISSING_CONTENT",
            "INVALID_IDEMPOTENCY_KEY",
            "SECURITY_THREAT_DETECTED",
            "TEMPLATE_NOT_FOUND",
            "USER_NO_CHANNELS",
            "IDEMPOTENCY_IN_PROGRESS",
            "IDEMPOTENCY_KEY_REUSED",
        ),
    ),
    batch.send_batch: Operation(
        tag="Sending",
        parameters=(
            Parameter("Idempotency-Key", KEY, "The key of one send to `user_ids`", "header"),
        ),
        errors=("INVALID_IDEMPOTENCY_KEY",),
        body=_BATCH,
        answers={
            200: succeeded({"request_id": TEXT, "results": array({"anyOf": [_TAKEN, _REFUSED]})})
        },
    ),
    queue.retry_failed: Operation(
        tag="Sending",
        body=_RETRY,
        body_required=False,
        answers={
            200: succeeded(
                {
                    "data": record(
                        {
                            "matched": WHOLE,
                            "queued": WHOLE,
                            "skipped": array(
                                record({"reason": _REASON, "count": WHOLE, "explanation": TEXT})
                            ),
                            "next": {"type": ["integer", "null"]},
                            "message": TEXT,
                        },
                        {"total_failed": WHOLE},
                    )
                }
            )
        },
        errors=(
            "INVALID_PARAMETER",
            "INVALID_CHANNEL_TYPE",
            "INVALID_USER_ID",
            "SECURITY_THREAT_DETECTED",
            "NOT_FOUND",
            "LOG_IN_FLIGHT",
            "QUEUE_ERROR",
        ),
    ),
}
