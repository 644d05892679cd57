"""What a scheduled task is."""

from typing import Any, Protocol

from notification.logging import Log
from notification.ports.platform import Platform

State = dict[str, Any]
"""What one run leaves for the next, as JSON."""


class TaskFailure(Exception):
    """Some steps of a run failed; `result` tells what the others did."""

    def __init__(self, result: dict[str, Any], cause: Exception) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.result = result
        self.cause = cause


class Task(Protocol):
    """One kind of scheduled work. Runs of one task never overlap."""

    name: str
    interval_ms: int

    def is_due(self, last_run_ms: int | None, scheduled_ms: int) -> bool:
        """Whether the firing of the cron at `scheduled_ms` is for this task."""
        ...

    async def run(self, platform: Platform, state: State, log: Log) -> dict[str, Any]:
        """Do the work; the result is recorded. May change `state`; raises `TaskFailure`."""
        ...
