"""Every five minutes: requeue what stalled, update metrics, delete what is old."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from notification.delivery.releases import release_ended
from notification.logging import Log
from notification.ports.platform import Platform
from notification.tasks.clean_up import clean_up
from notification.tasks.deactivation import switch_off_gone
from notification.tasks.requeue import requeue_stalled
from notification.tasks.roll_up import roll_up
from notification.tasks.task import State, TaskFailure, state_of
from notification.timestamps import HOUR_MS, iso

Step = Callable[[Platform], Awaitable[dict[str, int]]]
"""A step's work on one database."""


class Sweep:
    """Runs independent steps: one that fails stops no other, and fails the run in the end.

    Its name in records and API is `data_cleanup`.
    """

    name = "data_cleanup"
    interval_ms = 300_000

    def is_due(self, last_run_ms: int | None, scheduled_ms: int) -> bool:
        """Return True: it is due at every firing."""
        return True

    async def run(self, platform: Platform, state: State, log: Log) -> dict[str, Any]:
        """Run the steps; the first run of an hour does the hourly parts. See `Task.run`."""
        started = platform.clock.now_ms()
        hour = started // HOUR_MS
        first = state.get("hour") != hour

        let_go: list[tuple[Platform, Sequence[int]]] = []

        async def requeued(platform: Platform) -> dict[str, int]:
            kept = state_of(state, platform.shard)
            done = await requeue_stalled(
                platform,
                log,
                swept_to=int(kept.get("swept_to", 0)),
                look_back_ms=_look_back_ms(hour) if first else 0,
            )
            kept["swept_to"] = done.swept_to
            let_go.append((platform, done.let_go))
            return {"requeued": done.revived + done.requeued, "expired": done.expired}

        async def released(platform: Platform) -> dict[str, int]:
            return {"requeued": await release_ended(let_go, platform, log)}

        async def rolled(platform: Platform) -> dict[str, int]:
            return {"rolledUp": await roll_up(platform, state, hourly=first)}

        pending = {"logs": 0, "keys": 0, "taskRecords": 0}

        async def cleaned(platform: Platform) -> dict[str, int]:
            done = await clean_up(platform, hourly=first)
            pending["logs"] += done.logs_left
            pending["keys"] += done.keys_left
            state["pending"] = pending
            return {
                "cleanedLogs": done.notifications,
                "cleanedKeys": done.keys,
                "cleanedTaskRecords": done.task_records,
            }

        async def told(platform: Platform) -> dict[str, int]:
            kept = state_of(state, platform.shard)
            return {"switchedOff": await switch_off_gone(platform, kept, log)}

        if await is_paused(platform, log, self.name):
            return {"timestamp": iso(started), "paused": "Users are being moved"}
        shards = platform.shards
        # Metrics are counted before anything is deleted.
        steps: list[tuple[Step, Platform]] = [(requeued, shard) for shard in shards]
        steps += [(released, platform), (rolled, platform), *((cleaned, shard) for shard in shards)]
        steps += [(told, shard) for shard in shards if first]
        counts, failures = await _all(steps, log)
        if not failures:
            state["hour"] = hour
        result = {
            "timestamp": iso(started),
            "cleanedLogs": 0,
            "cleanedKeys": 0,
            "cleanedCache": 0,
            **counts,
            "duration": platform.clock.now_ms() - started,
            "errors": [type(failure).__name__ for failure in failures],
        }
        if failures:
            raise TaskFailure(result, failures[0])
        return result


def _look_back_ms(hour: int) -> int:
    """Return how far an hour's first run looks back: three hours, and once a day all of 24."""
    return (25 if hour % 24 == 0 else 3) * HOUR_MS


async def is_paused(platform: Platform, log: Log, task_name: str) -> bool:
    """Return whether a task waits because users are being moved: it would change their rows."""
    if not platform.is_sharded:
        return False
    # Imported where there are several databases.
    from notification.storage.shards import current_placement

    paused = (await current_placement(platform)).moving_to is not None
    if paused:
        log.write(
            "warn",
            "Paused: users are being moved between databases",
            type="scheduled_task",
            taskName=task_name,
        )
    return paused


async def _all(
    steps: Sequence[tuple[Step, Platform]], log: Log
) -> tuple[dict[str, int], list[Exception]]:
    counts: dict[str, int] = {}
    failures: list[Exception] = []
    for step, platform in steps:
        try:
            for name, count in (await step(platform)).items():
                counts[name] = counts.get(name, 0) + count
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            log.write("error", "A step of the sweep failed", step=step.__name__, error=text)
            failures.append(error)
    return counts, failures
