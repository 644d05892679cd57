"""What the five-minute cron does."""

from notification.journal import Log
from notification.ports.platform import Platform
from notification.tasks.clean_up import clean_up
from notification.tasks.roll_up import roll_up
from notification.tasks.run_lock import RunLock
from notification.tasks.sweep import sweep

TASK = "data_cleanup"
_HOUR_MS = 3_600_000


async def run_cron(platform: Platform, *, scheduled_ms: int, log: Log) -> None:
    """Sweep, then clean up; the hourly part in the first run of an hour.

    Skipped while another run is at work. One failing step does not stop the other; the first
    failure is raised in the end, so that the platform shows it.
    """
    lock = RunLock(platform, TASK)
    state = await lock.take()
    if state is None:
        log.write("warn", "Skipped: another run is at work", type="scheduled_task", taskName=TASK)
        return
    log.write("info", "Started", type="scheduled_task", taskName=TASK, taskStatus="started")
    failures: list[Exception] = []
    figures: dict[str, int] = {}
    try:
        swept = await sweep(platform, log, swept_to=int(state.get("swept_to", 0)))
        state["swept_to"] = swept.swept_to
        figures.update(revived=swept.revived, rung=swept.rung, expired=swept.expired)
    except Exception as error:
        failures.append(error)
    hour = scheduled_ms // _HOUR_MS
    try:
        # Before anything is cleaned up, so that it is counted while it is there.
        first = state.get("rolled_hour") != hour
        figures["rolledUp"] = await roll_up(platform, state, hourly=first)
        state["rolled_hour"] = hour
    except Exception as error:
        failures.append(error)
    try:
        cleaned = await clean_up(platform, keys_too=state.get("keys_hour") != hour)
        state["keys_hour"] = hour
        figures.update(cleanedLogs=cleaned.notifications, cleanedKeys=cleaned.keys)
    except Exception as error:
        failures.append(error)
    await lock.release(state)
    log.write(
        "error" if failures else "info",
        "Failed" if failures else "Completed",
        type="scheduled_task",
        taskName=TASK,
        taskStatus="failed" if failures else "completed",
        errors=[f"{type(f).__name__}: {f}" for f in failures],
        **figures,
    )
    if failures:
        raise failures[0]
