"""Scheduled tasks."""

from notification.openapi.operation import Operation
from notification.openapi.schemas import (
    ANY_OBJECT,
    ANYTHING,
    FLAG,
    LIMIT,
    OFFSET,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TRUE,
    WHOLE,
    array,
    choice,
    closed,
    map_of,
    record,
    shared,
    succeeded,
)
from notification.routes import scheduled_tasks
from notification.tasks.cron import TASKS

_STATUS = choice("completed", "failed")
_DURATION = {"type": ["integer", "null"]}
_RECORD = record(
    {
        "id": WHOLE,
        "task_name": TEXT,
        "execution_time": TIME,
        "status": _STATUS,
        "error": TEXT_OR_NULL,
        "result": ANYTHING,
        "duration_ms": _DURATION,
        "created_at": TIME,
    }
)
_NEVER_RAN = record({"status": choice("never_run"), "isRunning": FLAG, "message": TEXT})
_RAN = record(
    {
        "lastRun": TIME,
        "nextRun": TIME,
        "lastStatus": _STATUS,
        "lastDuration": _DURATION,
        "lastResult": ANYTHING,
        "isRunning": FLAG,
        "recentExecutions": WHOLE,
        "successRate": WHOLE,
    },
    {"overdue": FLAG},
)
_HEALTH = record(
    {
        "success": TRUE,
        "timestamp": TIME,
        "tasks": map_of({"anyOf": [_NEVER_RAN, _RAN]}),
        "pendingCleanup": map_of(WHOLE),
        "lastCleanupResult": ANYTHING,
    }
)
_PAGE = record({"records": array(_RECORD), "pagination": shared("Pagination")})

OPERATIONS = {
    scheduled_tasks.show_health: Operation(
        tag="Insight", answers={200: _HEALTH, 500: record({"error": TEXT})}
    ),
    scheduled_tasks.list_records: Operation(
        tag="Tasks", parameters=(LIMIT, OFFSET), answers={200: succeeded({"data": _PAGE})}
    ),
    scheduled_tasks.trigger: Operation(
        tag="Tasks",
        body=closed({}, {"taskName": choice(*(task.name for task in TASKS))}),
        body_required=False,
        answers={
            200: succeeded(
                {"message": TEXT, "taskName": TEXT, "timestamp": TIME, "data": ANY_OBJECT}
            )
        },
        errors=("INVALID_PARAMETER", "TASK_RUNNING"),
    ),
}
