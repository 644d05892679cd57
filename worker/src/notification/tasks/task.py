"""The interface of a scheduled task."""

from typing import Any, Protocol

from notification.logging import Log
from notification.ports.platform import Platform

State = dict[str, Any]
"""What one run stores for the next, as JSON."""


def state_of(state: State, shard: int) -> State:
    """Return what a task keeps for one of several databases; the first one's is the state itself.

    The result is part of `state`: changes are kept with it.
    """
    if shard == 0:
        return state
    kept: State = state.setdefault(f"shard_{shard}", {})
    return kept


class TaskFailure(Exception):
    """Some steps of a run failed; `result` holds what the others did."""

    def __init__(self, result: dict[str, Any], cause: Exception) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.result = result
        self.cause = cause


class Task(Protocol):
    """One kind of scheduled work. Runs of one task never overlap."""

    name: str
    interval_ms: int

    def is_due(self, last_run_ms: int | None, scheduled_ms: int) -> bool:
        """Return whether the task runs at the firing of the cron at `scheduled_ms`."""
        ...

    async def run(self, platform: Platform, state: State, log: Log) -> dict[str, Any]:
        """Do the work and return the result, which is recorded; `state` may be changed.

        Raises:
            TaskFailure: some steps failed.
        """
        ...
