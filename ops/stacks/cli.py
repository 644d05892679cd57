"""Drives the real Pulumi CLI through Pulumi's automation API."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pulumi import automation

from infra.release import COMMIT_VARIABLE
from ops.stacks.cli_command import OrderlyCommand
from ops.stacks.cli_failure import CliFailures
from ops.stacks.context import StackContext
from ops.stacks.driver import HistoryEntry, Progress, StackUpdate
from ops.stacks.local_stack import LocalStack
from ops.stacks.new_state import create_stack_file
from ops.stacks.plugins import Plugins
from ops.stacks.project import Project

_PAGE = 100
_MAX_PAGES = 1000
"""Updates of the history that are read at once, and how often."""


class CliDriver:
    """A :class:`ops.stacks.driver.StackDriver` on the Pulumi CLI.

    The history is read without secrets: its settings may be encrypted under another file's salt.
    """

    def __init__(
        self, stack: automation.Stack, *, config_file: Path | None, notice: str = ""
    ) -> None:
        self._stack = stack
        self._config_file = str(config_file) if config_file else None
        self._notice = notice

    @classmethod
    def for_account(cls, context: StackContext) -> CliDriver:
        """Return the driver of a stack of a real account; credentials come from the environment.

        Raises:
            StackFailed: the CLI refuses (not logged in, wrong passphrase, …); its words are kept.
        """
        plugins = Plugins.chosen(context.environment)
        with CliFailures("stack select"):
            selected = automation.create_or_select_stack(
                context.stack,
                work_dir=str(context.project.root),
                opts=automation.LocalWorkspaceOptions(
                    env_vars={**plugins.environment, COMMIT_VARIABLE: context.commit},
                    pulumi_command=OrderlyCommand(),
                ),
            )
        named = context.file.path
        usual = context.project.root / f"Pulumi.{context.stack}.yaml"
        return cls(
            selected,
            config_file=None if named == usual else named,
            notice=plugins.notice,
        )

    @classmethod
    def for_local(cls, project: Project, local: LocalStack) -> CliDriver:
        """Return the driver of a loopback stack: its own file backend, nothing of the account."""
        plugins = Plugins.chosen(local.environment)
        environment = {
            **local.environment,
            **plugins.environment,
            "PULUMI_BACKEND_URL": f"file://{local.backend_dir}",
            "PULUMI_CONFIG_PASSPHRASE": local.passphrase,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        # Made here: 'pulumi stack init' would write a salt into the tracked settings file.
        create_stack_file(project.root, local)
        with CliFailures("stack select"):
            selected = automation.create_or_select_stack(
                local.stack,
                work_dir=str(project.root),
                opts=automation.LocalWorkspaceOptions(
                    env_vars=environment, pulumi_command=OrderlyCommand(closed=True)
                ),
            )
        return cls(selected, config_file=local.config_file, notice=plugins.notice)

    def preview(self, show: Callable[[Progress], None]) -> StackUpdate:
        """See :meth:`StackDriver.preview`."""
        steps: list[tuple[str, str]] = []
        failures = CliFailures("preview", self._stack.name)

        def note(event: automation.EngineEvent) -> None:
            failures.note(event)
            if event.resource_pre_event is not None:
                step = event.resource_pre_event.metadata
                steps.append((_op(step.op), step.urn))

        with failures:
            result = self._stack.preview(
                on_output=self._lines(show),
                on_event=note,
                color="never",
                config_file=self._config_file,
            )
        changes = {_op(op): count for op, count in result.change_summary.items()}
        return StackUpdate(
            kind="preview",
            changes=changes,
            steps=tuple(step for step in steps if step[0] != "same"),
        )

    def up(self, show: Callable[[Progress], None], *, message: str) -> StackUpdate:
        """See :meth:`StackDriver.up`."""
        with CliFailures("up", self._stack.name) as failures:
            result = self._stack.up(
                message=message,
                on_output=self._lines(show),
                on_event=failures.note,
                color="never",
                config_file=self._config_file,
                show_secrets=False,
            )
        outputs = {name: output.value for name, output in result.outputs.items()}
        return _update(result.summary, outputs)

    def refresh(self, show: Callable[[Progress], None]) -> StackUpdate:
        """See :meth:`StackDriver.refresh`."""
        with CliFailures("refresh", self._stack.name) as failures:
            result = self._stack.refresh(
                on_output=self._lines(show),
                on_event=failures.note,
                color="never",
                config_file=self._config_file,
                show_secrets=False,
            )
        return _update(result.summary, {})

    def destroy(self, show: Callable[[Progress], None]) -> StackUpdate:
        """See :meth:`StackDriver.destroy`."""
        with CliFailures("destroy", self._stack.name) as failures:
            result = self._stack.destroy(
                on_output=self._lines(show),
                on_event=failures.note,
                color="never",
                config_file=self._config_file,
                show_secrets=False,
            )
        return _update(result.summary, {})

    def remove(self) -> None:
        """See :meth:`StackDriver.remove`."""
        with CliFailures("stack rm", self._stack.name):
            self._stack.workspace.remove_stack(self._stack.name)

    def secret(self, name: str) -> str:
        """Return one secret setting in clear.

        Raises:
            StackFailed: it isn't set, or can't be decrypted.
        """
        with CliFailures("config get", self._stack.name):
            return str(self._stack.get_config(name).value)

    def set_secrets(self, secrets: Mapping[str, str]) -> None:
        """Set secret settings, encrypted, in the stack's settings file."""
        values = {name: automation.ConfigValue(text, secret=True) for name, text in secrets.items()}
        with CliFailures("config set", self._stack.name):
            self._stack.set_all_config(values)

    def unprotect(self) -> None:
        """See :meth:`StackDriver.unprotect`."""
        # Not by the automation API: what it exports is in clear, and its import leaves that in a
        # file for good.
        with CliFailures("state unprotect", self._stack.name):
            self._run("state", "unprotect", "--all", "--yes")

    def locks(self) -> list[str] | None:
        """See :meth:`StackDriver.locks`."""
        return None

    def unlock(self) -> None:
        """See :meth:`StackDriver.unlock`."""
        with CliFailures("cancel", self._stack.name):
            self._run("cancel", "--yes")

    def export(self) -> Mapping[str, Any]:
        """See :meth:`StackDriver.export`."""
        with CliFailures("stack export", self._stack.name):
            document: dict[str, Any] = json.loads(self._run("stack", "export"))
        return document

    def resources(self) -> list[Mapping[str, Any]]:
        """See :meth:`StackDriver.resources`."""
        return list((self.export().get("deployment") or {}).get("resources") or [])

    def outputs(self, *, show_secrets: bool) -> Mapping[str, Any]:
        """See :meth:`StackDriver.outputs`."""
        with CliFailures("stack output", self._stack.name):
            outputs = self._stack.outputs()
        return {
            name: "[secret]" if output.secret and not show_secrets else output.value
            for name, output in outputs.items()
        }

    def history(self) -> list[HistoryEntry]:
        """See :meth:`StackDriver.history`."""
        entries: list[automation.UpdateSummary] = []
        with CliFailures("stack history", self._stack.name):
            # The CLI's own page has 10: those before it count as well, or numbers would move.
            for page in range(1, _MAX_PAGES + 1):
                found = self._stack.history(_PAGE, page, show_secrets=False)
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
        if self._notice:
            show(Progress(self._notice, severity="warning"))
        return lambda text: show(Progress(text.rstrip("\n")))

    def _run(self, *arguments: str) -> str:
        workspace = self._stack.workspace
        command = [*arguments, "--stack", self._stack.name]
        done = workspace.pulumi_command.run(command, workspace.work_dir, dict(workspace.env_vars))
        return str(done.stdout)


def account_stacks(project: Project) -> list[str]:
    """Return the names of the project's stacks in the account's state backend, sorted.

    Raises:
        StackFailed: the CLI refuses (not logged in, …); its words are kept.
    """
    with CliFailures("stack ls"):
        listed = automation.LocalWorkspace(work_dir=str(project.root)).list_stacks()
    return sorted(stack.name.rpartition("/")[2] for stack in listed)


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
