"""Scheduled tasks: their records, their health, and running one by hand."""

import json
from typing import Any

from notification.errors import ServiceError
from notification.http.parameters import pagination, text_field, whole_number
from notification.http.response import Response, bare, success
from notification.http.router import Access, Call, Route
from notification.http.unread_fields import refuse_unknown_fields
from notification.logging import Log
from notification.ports.database import DatabaseError, Row, Statement
from notification.storage.capped_count import capped_count
from notification.tasks.cron import TASKS, run_task
from notification.tasks.task import Task
from notification.timestamps import from_iso, iso

_RECENT = 5
_COLUMNS = "id, task_name, execution_time, status, error, duration_ms, created_at"
_LATEST = f"""
SELECT {_COLUMNS} FROM task_execution_records WHERE task_name = ?1 ORDER BY id DESC LIMIT {_RECENT}
"""  # noqa: S608 - constants of this module
_STATES = "SELECT task_name, lease_until, state FROM scheduled_tasks"
_PAGE = f"SELECT {_COLUMNS} FROM task_execution_records ORDER BY id DESC LIMIT ?1 OFFSET ?2"  # noqa: S608 - constants of this module
_COUNT = capped_count("FROM task_execution_records")


def _result(row: Row) -> Any:
    try:
        return json.loads(str(row["error"]))
    except ValueError:
        return None


async def list_records(call: Call) -> Response:
    """List the runs of tasks, newest first."""
    query = call.request.query
    limit = whole_number(query, "limit", default=20, maximum=200)
    offset = whole_number(query, "offset", default=0, minimum=0)
    rows, count = await call.platform.database.batch(
        [Statement(_PAGE, (limit, offset)), Statement(_COUNT)]
    )
    counted, shown = count.sum("total"), len(rows.rows)
    return success(
        data={
            "records": [{**row, "result": _result(row)} for row in rows.rows],
            "pagination": pagination(counted, limit=limit, offset=offset, rows=shown),
        }
    )


async def trigger(call: Call) -> Response:
    """Run one task now and wait for it."""
    body = call.request.json_object() if call.request.body.strip() else {}
    refuse_unknown_fields(body, "taskName")
    name = text_field(body, "taskName") or TASKS[0].name
    task = next((task for task in TASKS if task.name == name), None)
    if task is None:
        known = ", ".join(task.name for task in TASKS)
        raise ServiceError("INVALID_PARAMETER", f"Unknown task: {name[:100]}. Known: {known}")
    log = Log.of(call.platform, requestId=call.request.id)
    result = await run_task(task, call.platform, log)
    if result is None:
        raise ServiceError(
            "TASK_RUNNING", f"Another run of {name} is at work; please try again", retry_after=60
        )
    return success(
        message=f"Task {name} triggered successfully",
        taskName=name,
        timestamp=iso(call.platform.clock.now_ms()),
        data=result,
    )


async def show_health(call: Call) -> Response:
    """Show when each task ran last and will run next, from its last five records."""
    now_ms = call.platform.clock.now_ms()
    statements = [Statement(_STATES), *(Statement(_LATEST, (task.name,)) for task in TASKS)]
    try:
        states, *latest = await call.platform.database.batch(statements)
    except DatabaseError:
        return bare({"error": "Failed to retrieve scheduled tasks health"}, status=500)
    by_name = {str(row["task_name"]): row for row in states.rows}
    tasks = {
        task.name: _task_health(task, records.rows, by_name.get(task.name), now_ms)
        for task, records in zip(TASKS, latest, strict=True)
    }
    cleanup = by_name.get(TASKS[0].name)
    state = json.loads(str(cleanup["state"])) if cleanup else {}
    last = latest[0].rows[0] if latest[0].rows else None
    return bare(
        {
            "success": True,
            "timestamp": iso(now_ms),
            "tasks": tasks,
            "pendingCleanup": state.get("pending", {"logs": 0, "keys": 0, "taskRecords": 0}),
            "lastCleanupResult": None if last is None else _result(last),
        },
        headers={"Cache-Control": "max-age=30"},
    )


def _task_health(task: Task, records: list[Row], state: Row | None, now_ms: int) -> dict[str, Any]:
    running = state is not None and str(state["lease_until"] or "") > iso(now_ms)
    if not records:
        return {
            "status": "never_run",
            "isRunning": running,
            "message": "Task has never been executed",
        }
    last = records[0]
    last_ms = from_iso(last["execution_time"])
    completed = sum(row["status"] == "completed" for row in records)
    health = {
        "lastRun": last["execution_time"],
        "nextRun": iso(last_ms + task.interval_ms),
        "lastStatus": last["status"],
        "lastDuration": last["duration_ms"],
        "lastResult": _result(last),
        "isRunning": running,
        "recentExecutions": len(records),
        "successRate": round(completed / len(records) * 100),
    }
    return {**health, "overdue": True} if now_ms - last_ms > 3 * task.interval_ms else health


ROUTES = (
    Route("GET", "/health/scheduled-tasks", show_health, access=Access.PUBLIC),
    Route("GET", "/api/task-execution-records", list_records, query=("limit", "offset")),
    Route("POST", "/api/scheduled-tasks/trigger", trigger),
)
