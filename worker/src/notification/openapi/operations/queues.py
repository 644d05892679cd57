"""Queues."""

from notification.openapi.operation import Operation
from notification.openapi.schemas import (
    FLAG,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    WHOLE,
    array,
    record,
    succeeded,
)
from notification.routes import queue

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

OPERATIONS = {
    queue.show_status: Operation(tag="Queues", answers={200: succeeded({"data": _STATUS})}),
    queue.clear_retries: Operation(
        tag="Queues",
        body=record({}, {"taskIds": _IDS, "markAsFailed": FLAG}),
        body_required=False,
        answers={200: _UPDATED},
        errors=("INVALID_PARAMETER",),
    ),
    queue.discard: Operation(
        tag="Queues",
        body=record({"taskIds": _IDS}),
        answers={200: _UPDATED},
        errors=("INVALID_PARAMETER", "MISSING_PARAMETER"),
    ),
    queue.purge_test_data: Operation(
        tag="Queues",
        body=record({}, {"testUserIds": array(TEXT), "dryRun": FLAG, "force": FLAG}),
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
        body=record({"queueName": TEXT}),
        answers={},
        errors=("INVALID_PARAMETER", "MISSING_PARAMETER", "NOT_SUPPORTED"),
    ),
}
