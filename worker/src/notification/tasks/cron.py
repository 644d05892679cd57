"""One firing of the cron, and one run of a task."""

import json
from typing import Any

from notification.logging import Log
from notification.ports.database import Statement
from notification.ports.platform import Platform
from notification.storage.last_hour import FailedAnswers, RefusedWrites, share_failures
from notification.storage.metered import usage_of
from notification.tasks.key_rotation import KeyRotation
from notification.tasks.monitoring import Monitoring
from notification.tasks.run_lock import RunLock
from notification.tasks.sweep import Sweep
from notification.tasks.task import Task, TaskFailure
from notification.timestamps import from_iso, iso

TASKS: tuple[Task, ...] = (Sweep(), Monitoring(), KeyRotation())
"""All scheduled tasks, in the order of one firing of the cron."""
_LAST_RUNS = Statement("SELECT task_name, last_run_at FROM scheduled_tasks")
# The sign of life for `/health`: a run by hand leaves none.
_ALIVE = """
INSERT INTO scheduled_tasks (task_name, last_run_at) VALUES ('cron', ?1)
ON CONFLICT (task_name) DO UPDATE SET last_run_at = excluded.last_run_at
"""


async def run_cron(platform: Platform, *, scheduled_ms: int, log: Log) -> None:
    """Run the tasks that are due, each on its own.

    Raises:
        Exception: the first failure, after all tasks have run, so that the platform shows it.
    """
    try:
        await _fire(platform, scheduled_ms, log)
    finally:
        # Its own writes are a probe: health tells when the database refuses them.
        await share_failures(platform, RefusedWrites, FailedAnswers)


async def _fire(platform: Platform, scheduled_ms: int, log: Log) -> None:
    alive = Statement(_ALIVE, (iso(platform.clock.now_ms()),))
    result, _ = await platform.database.batch([_LAST_RUNS, alive])
    last = {str(row["task_name"]): _ms(row["last_run_at"]) for row in result.rows}
    failures: list[Exception] = []
    for task in TASKS:
        if task.is_due(last.get(task.name), scheduled_ms):
            try:
                await run_task(task, platform, log)
            except Exception as error:
                failures.append(error)
    if failures:
        raise failures[0]


def _ms(text: object) -> int | None:
    return None if text is None else from_iso(text)


async def run_task(task: Task, platform: Platform, log: Log) -> dict[str, Any] | None:
    """Run a task once under its lock, and record the run.

    Returns:
        The result; None while another run is at work.

    Raises:
        Exception: what made the run fail, after it was recorded.
    """
    lock = RunLock(platform, task.name)
    state = await lock.take()
    if state is None:
        log.write(
            "warn", "Skipped: another run is at work", type="scheduled_task", taskName=task.name
        )
        return None
    log.write("info", "Started", type="scheduled_task", taskName=task.name, taskStatus="started")
    started = platform.clock.now_ms()
    failure: Exception | None = None
    try:
        result = await task.run(platform, state, log)
    except TaskFailure as error:
        failure, result = error.cause, error.result
    except Exception as error:
        # The record is shown, and a database's words are for the log alone.
        failure, result = error, {"error": type(error).__name__}
    status = "failed" if failure else "completed"
    duration = platform.clock.now_ms() - started
    await lock.release(state, _record(task.name, started, status, result, duration))
    log.write(
        "error" if failure else "info",
        status.capitalize(),
        type="scheduled_task",
        taskName=task.name,
        taskStatus=status,
        duration=duration,
        result=result,
        **({"error": f"{type(failure).__name__}: {failure}"} if failure else {}),
        **usage_of(platform.database),
    )
    if failure:
        raise failure
    return result


def _record(
    name: str, started: int, status: str, result: dict[str, Any], duration: int
) -> Statement:
    return Statement(
        "INSERT INTO task_execution_records"
        " (task_name, execution_time, status, error, duration_ms, created_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            name,
            iso(started),
            status,
            json.dumps(result, ensure_ascii=False)[:20_000],
            duration,
            iso(started + duration),
        ),
    )
