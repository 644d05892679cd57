"""Drives the real Pulumi CLI through Pulumi's automation API."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pulumi import automation

from ops.stacks.cli_failure import CliFailures
from ops.stacks.cli_workspace import CliWorkspace
from ops.stacks.driver import HistoryEntry, Progress, StackUpdate, with_ledger
from ops.stacks.errors import StackMissing

_PAGE = 100
_MAX_PAGES = 1000
"""Updates of the history that are read at once, and how often."""


class CliDriver:
    """A :class:`ops.stacks.driver.StackDriver` on the Pulumi CLI.

    The history is read without secrets: its settings may be encrypted under another file's salt.
    """

    def __init__(self, workspace: CliWorkspace) -> None:
        self._workspace = workspace

    def preview(self, show: Callable[[Progress], None]) -> StackUpdate:
        """See :meth:`StackDriver.preview`; a stack that isn't there yet is planned and not made."""
        try:
            stack = self._workspace.stack
        except StackMissing as missing:
            show(Progress(f"{missing} This plans its first deployment.", severity="warning"))
            with self._workspace.elsewhere() as (stack, config_file):
                return self._preview(stack, config_file, show)
        return self._preview(stack, self._workspace.config_file, show)

    def _preview(
        self, stack: automation.Stack, config_file: str | None, show: Callable[[Progress], None]
    ) -> StackUpdate:
        steps: list[tuple[str, str]] = []
        failures = CliFailures("preview", self._workspace.name)

        def note(event: automation.EngineEvent) -> None:
            failures.note(event)
            if event.resource_pre_event is not None:
                step = event.resource_pre_event.metadata
                steps.append((_op(step.op), step.urn))

        with failures:
            result = stack.preview(
                on_output=self._lines(show), on_event=note, color="never", config_file=config_file
            )
        changes = {_op(op): count for op, count in result.change_summary.items()}
        return StackUpdate(
            kind="preview",
            changes=changes,
            steps=tuple(step for step in steps if step[0] != "same"),
        )

    def up(self, show: Callable[[Progress], None], *, message: str) -> StackUpdate:
        """See :meth:`StackDriver.up`."""
        stack = self._workspace.made()
        with CliFailures("up", self._workspace.name) as failures:
            result = stack.up(
                message=message,
                on_output=self._lines(show),
                on_event=failures.note,
                color="never",
                config_file=self._workspace.config_file,
                show_secrets=False,
            )
        if failures.pending:
            show(Progress(failures.pending, severity="warning"))
        outputs = {name: output.value for name, output in result.outputs.items()}
        return _update(result.summary, outputs)

    def refresh(
        self, show: Callable[[Progress], None], *, clear_pending_creates: bool = False
    ) -> StackUpdate:
        """See :meth:`StackDriver.refresh`."""
        with CliFailures("refresh", self._workspace.name) as failures:
            result = self._workspace.stack.refresh(
                clear_pending_creates=clear_pending_creates,
                on_output=self._lines(show),
                on_event=failures.note,
                color="never",
                config_file=self._workspace.config_file,
                show_secrets=False,
            )
        return _update(result.summary, {})

    def destroy(self, show: Callable[[Progress], None]) -> StackUpdate:
        """See :meth:`StackDriver.destroy`."""
        with CliFailures("destroy", self._workspace.name) as failures:
            result = self._workspace.stack.destroy(
                on_output=self._lines(show),
                on_event=failures.note,
                color="never",
                config_file=self._workspace.config_file,
                show_secrets=False,
            )
        return _update(result.summary, {})

    def remove(self) -> None:
        """See :meth:`StackDriver.remove`."""
        with CliFailures("stack rm", self._workspace.name):
            self._workspace.remove()

    def set_secrets(self, named: Mapping[str, str]) -> None:
        """Set secret settings, encrypted, in the stack's settings file."""
        values = {name: automation.ConfigValue(text, secret=True) for name, text in named.items()}
        stack = self._workspace.made()
        with CliFailures("config set", self._workspace.name):
            stack.set_all_config(values)

    def unprotect(self) -> None:
        """See :meth:`StackDriver.unprotect`."""
        # Not by the automation API: what it exports is in clear, and its import leaves that in a
        # file for good.
        with CliFailures("state unprotect", self._workspace.name):
            self._workspace.run("state", "unprotect", "--all", "--yes")

    def locks(self) -> list[str] | None:
        """See :meth:`StackDriver.locks`."""
        return None

    def unlock(self) -> None:
        """See :meth:`StackDriver.unlock`."""
        with CliFailures("cancel", self._workspace.name):
            self._workspace.run("cancel", "--yes")

    def export(self, *, show_secrets: bool = False) -> Mapping[str, Any]:
        """See :meth:`StackDriver.export`."""
        asked = ["--show-secrets"] if show_secrets else []
        with CliFailures("stack export", self._workspace.name):
            document: dict[str, Any] = json.loads(self._workspace.run("stack", "export", *asked))
        return document

    def replace_state(self, exported: Mapping[str, Any]) -> None:
        """See :meth:`StackDriver.replace_state`."""
        with tempfile.TemporaryDirectory(prefix="notifyctl-state-") as folder:
            file = Path(folder) / "state.json"
            file.touch(mode=0o600)
            file.write_text(json.dumps(exported), encoding="utf-8")
            with CliFailures("stack import", self._workspace.name):
                self._workspace.run("stack", "import", "--file", str(file))

    def resources(self) -> list[Mapping[str, Any]]:
        """See :meth:`StackDriver.resources`."""
        return list((self.export().get("deployment") or {}).get("resources") or [])

    def outputs(self, *, show_secrets: bool) -> Mapping[str, Any]:
        """See :meth:`StackDriver.outputs`."""
        return with_ledger(self._set_outputs(show_secrets=show_secrets), self.resources())

    def is_unfinished(self) -> bool:
        """See :meth:`StackDriver.is_unfinished`."""
        found = self._set_outputs(show_secrets=False)
        return with_ledger(found, self.resources()) is not found

    def _set_outputs(self, *, show_secrets: bool) -> Mapping[str, Any]:
        # Not by the automation API: it asks the CLI twice, with secrets and without.
        asked = ["--show-secrets"] if show_secrets else []
        with CliFailures("stack output", self._workspace.name):
            found: dict[str, Any] = json.loads(
                self._workspace.run("stack", "output", "--json", *asked)
            )
        return found

    def history(self) -> list[HistoryEntry]:
        """See :meth:`StackDriver.history`."""
        entries: list[automation.UpdateSummary] = []
        with CliFailures("stack history", self._workspace.name):
            # The CLI's own page has 10: those before it count as well, or numbers would move.
            for page in range(1, _MAX_PAGES + 1):
                found = self._workspace.stack.history(_PAGE, page, show_secrets=False)
                entries += found
                if len(found) < _PAGE:
                    break
        return [
            HistoryEntry(
                # File and S3 backends number no update; the list is newest first.
                version=int(entry.version or 0) or len(entries) - index,
                kind=str(entry.kind),
                started=int(entry.start_time.timestamp()),
                ended=int(entry.end_time.timestamp()) if entry.end_time else 0,
                result=str(entry.result),
                message=entry.message,
                changes=_changes(entry),
            )
            for index, entry in enumerate(entries)
        ]

    def _lines(self, show: Callable[[Progress], None]) -> Callable[[str], None]:
        if self._workspace.notice:
            show(Progress(self._workspace.notice, severity="warning"))
        return lambda text: show(Progress(text.rstrip("\n")))


def _changes(summary: automation.UpdateSummary) -> dict[str, int]:
    changes = summary.resource_changes or {}
    return {_op(op): count for op, count in changes.items()}


def _op(operation: object) -> str:
    return str(getattr(operation, "value", operation))


def _update(summary: automation.UpdateSummary, outputs: Mapping[str, Any]) -> StackUpdate:
    seconds = 0.0
    if summary.end_time is not None:
        seconds = (summary.end_time - summary.start_time).total_seconds()
    return StackUpdate(
        kind=str(summary.kind),
        changes=_changes(summary),
        outputs=outputs,
        version=summary.version,
        seconds=seconds,
    )
