"""Notifications that were accepted: showing and deleting them."""

from notification.openapi.operation import Operation, Parameter
from notification.openapi.schemas import (
    CHANNEL,
    FLAG,
    LIMIT,
    OFFSET,
    TEXT,
    TIME,
    WHOLE,
    array,
    choice,
    closed,
    record,
    shared,
    succeeded,
)
from notification.routes import log_removal, logs

_STATUS = choice("pending", "sent", "failed", "retry", "retry_scheduled", "cancelled")
_SETTLED = choice("sent", "failed", "cancelled")
_DATE = {"type": "string"}
_DAYS = {"type": "integer", "minimum": 1, "maximum": 365}
_PAGE = record(
    {"logs": array(shared("Notification")), "total": WHOLE, "limit": WHOLE, "offset": WHOLE},
    {"total_capped": FLAG, "searched_from": TIME, "next": TEXT},
)

OPERATIONS = {
    logs.list_logs: Operation(
        tag="Notifications",
        parameters=(
            Parameter("user_id", TEXT),
            Parameter("channel", CHANNEL),
            Parameter("channel_type", CHANNEL, "Another name of channel"),
            Parameter("status", _STATUS),
            Parameter("template_key", TEXT),
            Parameter("request_id", TEXT),
            Parameter("message_id", TEXT),
            Parameter("start_date", _DATE, "ISO-8601 date or date-time, inclusive"),
            Parameter("end_date", _DATE, "ISO-8601 date or date-time, inclusive"),
            LIMIT,
            OFFSET,
        ),
        answers={200: succeeded({"data": _PAGE, "pagination": shared("Pagination")})},
        errors=("INVALID_CHANNEL_TYPE",),
    ),
    logs.list_changes: Operation(
        tag="Notifications",
        parameters=(
            Parameter("after", WHOLE, "The newest id that the caller knows"),
            Parameter("watch", TEXT, "Ids of at most 100 rows, separated by commas"),
        ),
        answers={
            200: succeeded(
                {"data": record({"logs": array(shared("NotificationBrief")), "newest": WHOLE})}
            )
        },
    ),
    logs.show_log: Operation(
        tag="Notifications",
        answers={200: succeeded({"data": shared("Notification")})},
        errors=("NOT_FOUND",),
    ),
    log_removal.delete_log: Operation(
        tag="Notifications",
        parameters=(Parameter("force", choice("true", "false")),),
        answers={
            200: succeeded(
                {
                    "message": TEXT,
                    "deletedLog": record({"id": WHOLE, "user_id": TEXT, "created_at": TIME}),
                }
            )
        },
        errors=("NOT_FOUND", "LOG_IN_FLIGHT"),
    ),
    log_removal.delete_old_logs: Operation(
        tag="Notifications",
        parameters=(
            Parameter("before", _DATE, "ISO-8601 date or date-time"),
            Parameter("days", _DAYS),
            Parameter("status", _SETTLED),
        ),
        body=closed({}, {"days": _DAYS, "before": _DATE, "before_date": _DATE, "status": _SETTLED}),
        body_required=False,
        answers={
            200: succeeded(
                {"data": record({"deleted_count": WHOLE, "before": TIME}, {"more": FLAG})},
                {"message": TEXT},
            )
        },
        errors=("MISSING_PARAMETER",),
    ),
}
