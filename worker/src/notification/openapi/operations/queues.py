"""Queues."""

from notification.openapi.operation import Operation, Parameter
from notification.openapi.schemas import (
    FLAG,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    WHOLE,
    array,
    closed,
    map_of,
    record,
    succeeded,
)
from notification.routes import holds, queue
from notification.routes.holds import MAX_REASON

_IDS = array(WHOLE)
_WAITING = record(
    {
        "id": WHOLE,
        "user_id": TEXT,
        "channel": TEXT,
        "retry_count": WHOLE,
        "created_at": TIME,
        "error_message": TEXT_OR_NULL,
        "next_retry_at": TIME,
    }
)
_STATUS = record(
    {
        "queues": array(record({"name": TEXT, "size": WHOLE})),
        "pendingRetries": record({"count": WHOLE, "items": array(_WAITING)}),
        "processingRate": WHOLE,
        "note": TEXT,
    }
)
_UPDATED = succeeded({"message": TEXT, "data": record({"updated": WHOLE})})

_HOLD = record(
    {"channel": TEXT, "user_id": TEXT_OR_NULL, "until": TIME, "reason": TEXT, "created_at": TIME}
)
_UNTIL = {"type": "string", "description": "ISO-8601 date (its first moment, UTC) or date-time"}
_HELD_USER = Parameter("user_id", TEXT, "Hold the channel for this recipient alone")

OPERATIONS = {
    holds.list_holds: Operation(
        tag="Queues",
        answers={
            200: succeeded({"data": record({"holds": array(_HOLD), "waiting": map_of(WHOLE)})})
        },
    ),
    holds.put_hold: Operation(
        tag="Queues",
        parameters=(_HELD_USER,),
        body=closed({"until": _UNTIL}, {"reason": {"type": "string", "maxLength": MAX_REASON}}),
        answers={200: succeeded({"data": _HOLD})},
        errors=(
            "INVALID_PARAMETER",
            "INVALID_CHANNEL_TYPE",
            "INVALID_USER_ID",
            "SECURITY_THREAT_DETECTED",
        ),
    ),
    holds.delete_hold: Operation(
        tag="Queues",
        parameters=(_HELD_USER,),
        answers={200: succeeded({"data": record({"released": WHOLE})})},
        errors=("NOT_FOUND", "INVALID_CHANNEL_TYPE", "INVALID_USER_ID", "SECURITY_THREAT_DETECTED"),
    ),
    queue.show_status: Operation(tag="Queues", answers={200: succeeded({"data": _STATUS})}),
    queue.clear_retries: Operation(
        tag="Queues",
        body=closed({}, {"taskIds": _IDS, "markAsFailed": FLAG}),
        body_required=False,
        answers={200: _UPDATED},
        errors=("INVALID_PARAMETER",),
    ),
    queue.discard: Operation(
        tag="Queues",
        body=closed({"taskIds": _IDS}),
        answers={200: _UPDATED},
        errors=("INVALID_PARAMETER", "MISSING_PARAMETER"),
    ),
    queue.purge_test_data: Operation(
        tag="Queues",
        body=closed({}, {"testUserIds": array(TEXT), "dryRun": FLAG, "force": FLAG}),
        body_required=False,
        answers={
            200: succeeded(
                {"message": TEXT, "affectedUserIds": array(TEXT), "data": record({"count": WHOLE})},
                {"dryRun": FLAG},
            )
        },
        errors=("INVALID_PARAMETER",),
    ),
    queue.clear_messages: Operation(
        tag="Queues",
        body=closed({"queueName": TEXT}),
        answers={},
        errors=("INVALID_PARAMETER", "MISSING_PARAMETER", "NOT_SUPPORTED"),
    ),
}
