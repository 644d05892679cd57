"""Runs the project's program against a monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.child_process import ChildProcess
from engine.errors import ProgramFailed
from engine.operation import Operation

if TYPE_CHECKING:
    from engine.monitor import Monitor

#: A program that was told to stop gets this long, in seconds, before it is killed.
_GRACE_SECONDS = 20.0
_TICK_SECONDS = 0.1


class Program:
    """The program's process. It is started first of all: it imports the SDK while the engine
    gets ready, and waits for its settings.
    """

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        run_context = operation.run_context
        folder = run_context.program
        self._child = ChildProcess(
            "program_runner.py",
            folder=folder if folder.is_dir() else folder.parent,
            environment={**run_context.environment, "PULUMI_PROJECT": run_context.project},
            on_line=self._line,
        )

    def _line(self, line: str, stream: str) -> None:
        if line:
            self._operation.say(line, severity="info" if stream == "stdout" else "warning")

    def run(self, monitor: Monitor) -> None:
        """Let the program register everything; returns when it has signalled that it is done.

        Raises ``ProgramFailed`` where it ended without that and no step's failure is the cause.
        """
        run_context = self._operation.run_context
        self._child.send(
            {
                "monitor": monitor.address,
                "engine": monitor.address,
                "project": run_context.project,
                "stack": run_context.stack,
                "parallel": monitor.parallel,
                "dry_run": run_context.dry_run,
                "root": str(run_context.root),
                "program": str(run_context.program),
                "config": dict(run_context.config),
                "secret_keys": sorted(run_context.secret_keys),
            }
        )
        while not monitor.finished_registering.wait(_TICK_SECONDS):
            if self._child.poll() is not None:
                self._ended_early(monitor)
                return
            if self._operation.failure is not None:
                self._child.wait(_GRACE_SECONDS)
                return

    def finish(self, monitor: Monitor) -> None:
        """Let the program end; raises ``ProgramFailed`` where its exit code is not 0."""
        monitor.let_program_end()
        code = self._child.wait(_GRACE_SECONDS)
        if code and self._operation.failure is None:
            raise ProgramFailed(self._sentence(monitor, code))

    def end(self) -> None:
        """Kill the process if it still runs."""
        self._child.end()

    def _ended_early(self, monitor: Monitor) -> None:
        code = self._child.wait(_GRACE_SECONDS)
        if monitor.finished_registering.is_set() or self._operation.failure is not None:
            return
        raise ProgramFailed(self._sentence(monitor, code or 0))

    def _sentence(self, monitor: Monitor, code: int) -> str:
        why = monitor.last_error or f"it ended with exit code {code}; see what it printed above"
        return (
            f"The Pulumi program failed: {why.rstrip('.')}. What was done before that is kept; "
            "correct the program and run the same command again."
        )
