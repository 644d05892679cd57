"""Drives the real Pulumi CLI through Pulumi's automation API."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pulumi import automation
from pulumi.automation.errors import create_command_error

from infra.release import COMMIT_VARIABLE
from ops.stacks.context import StackContext
from ops.stacks.driver import HistoryEntry, Progress, StackUpdate
from ops.stacks.errors import StackFailed
from ops.stacks.local_stack import LocalStack
from ops.stacks.new_state import create_stack_file
from ops.stacks.plugins import Plugins
from ops.stacks.project import Project


class ClosedCommand(automation.PulumiCommand):
    """The CLI with the variables that it is given and no others.

    The automation API hands on the whole environment of the process, which may hold credentials of
    a real account (``PulumiCommand.run`` of pulumi 3.272).
    """

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
    ) -> automation.CommandResult:
        """See :meth:`automation.PulumiCommand.run`."""
        said: list[str] = []
        complained: list[str] = []
        with subprocess.Popen(
            [self.command, "--non-interactive", *args],
            cwd=cwd,
            env={**additional_env, "PULUMI_AUTOMATION_API": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process:
            errors = threading.Thread(
                target=_drained, args=(process.stderr, complained, on_error), daemon=True
            )
            errors.start()
            _drained(process.stdout, said, on_output)
            errors.join()
        result = automation.CommandResult(
            stdout="\n".join(said), stderr="\n".join(complained), code=process.returncode
        )
        if result.code != 0:
            raise create_command_error(result)
        return result


def _drained(
    stream: Iterable[str] | None, lines: list[str], show: Callable[[str], Any] | None
) -> None:
    for text in stream or ():
        lines.append(text.rstrip())
        if show is not None:
            show(lines[-1])


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
        with _Failures("select the stack"):
            selected = automation.create_or_select_stack(
                context.stack,
                work_dir=str(context.project.root),
                opts=automation.LocalWorkspaceOptions(
                    env_vars={**plugins.environment, COMMIT_VARIABLE: context.commit}
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
        with _Failures("select the stack"):
            selected = automation.create_or_select_stack(
                local.stack,
                work_dir=str(project.root),
                opts=automation.LocalWorkspaceOptions(
                    env_vars=environment, pulumi_command=ClosedCommand()
                ),
            )
        return cls(selected, config_file=local.config_file, notice=plugins.notice)

    def preview(self, show: Callable[[Progress], None]) -> StackUpdate:
        """See :meth:`StackDriver.preview`."""
        steps: list[tuple[str, str]] = []

        def note(event: automation.EngineEvent) -> None:
            if event.resource_pre_event is not None:
                step = event.resource_pre_event.metadata
                steps.append((_op(step.op), step.urn))

        with _Failures("preview"):
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
        with _Failures("up"):
            result = self._stack.up(
                message=message,
                on_output=self._lines(show),
                color="never",
                config_file=self._config_file,
                show_secrets=False,
            )
        outputs = {name: output.value for name, output in result.outputs.items()}
        return _update(result.summary, outputs)

    def refresh(self, show: Callable[[Progress], None]) -> StackUpdate:
        """See :meth:`StackDriver.refresh`."""
        with _Failures("refresh"):
            result = self._stack.refresh(
                on_output=self._lines(show),
                color="never",
                config_file=self._config_file,
                show_secrets=False,
            )
        return _update(result.summary, {})

    def destroy(self, show: Callable[[Progress], None]) -> StackUpdate:
        """See :meth:`StackDriver.destroy`."""
        with _Failures("destroy"):
            result = self._stack.destroy(
                on_output=self._lines(show),
                color="never",
                config_file=self._config_file,
                show_secrets=False,
            )
        return _update(result.summary, {})

    def remove(self) -> None:
        """See :meth:`StackDriver.remove`."""
        with _Failures("stack rm"):
            self._stack.workspace.remove_stack(self._stack.name)

    def secret(self, name: str) -> str:
        """Return one secret setting in clear.

        Raises:
            StackFailed: it isn't set, or can't be decrypted.
        """
        with _Failures("config get"):
            return str(self._stack.get_config(name).value)

    def set_secrets(self, secrets: Mapping[str, str]) -> None:
        """Set secret settings, encrypted, in the stack's settings file."""
        values = {name: automation.ConfigValue(text, secret=True) for name, text in secrets.items()}
        with _Failures("config set"):
            self._stack.set_all_config(values)

    def unprotect(self) -> None:
        """See :meth:`StackDriver.unprotect`."""
        # Not by the automation API: what it exports is in clear, and its import leaves that in a
        # file for good.
        with _Failures("state unprotect"):
            self._run("state", "unprotect", "--all", "--yes")

    def export(self) -> Mapping[str, Any]:
        """See :meth:`StackDriver.export`."""
        with _Failures("stack export"):
            document: dict[str, Any] = json.loads(self._run("stack", "export"))
        return document

    def resources(self) -> list[Mapping[str, Any]]:
        """See :meth:`StackDriver.resources`."""
        return list((self.export().get("deployment") or {}).get("resources") or [])

    def outputs(self, *, show_secrets: bool) -> Mapping[str, Any]:
        """See :meth:`StackDriver.outputs`."""
        with _Failures("stack output"):
            outputs = self._stack.outputs()
        return {
            name: "[secret]" if output.secret and not show_secrets else output.value
            for name, output in outputs.items()
        }

    def history(self) -> list[HistoryEntry]:
        """See :meth:`StackDriver.history`."""
        with _Failures("stack history"):
            entries = self._stack.history(show_secrets=False)
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
    with _Failures("stack ls"):
        listed = automation.LocalWorkspace(work_dir=str(project.root)).list_stacks()
    return sorted(stack.name.rpartition("/")[2] for stack in listed)


class _Failures:
    """Turns the automation API's errors into :class:`StackFailed`, without its stack traces."""

    def __init__(self, action: str) -> None:
        self._action = action

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, automation.CommandError):
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            # The diagnostics' own lines; a line of the progress display repeats them.
            said = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
            reasons = [line for line in dict.fromkeys(said) if line != "update failed"]
            raise StackFailed(
                f"'pulumi {self._action}' failed: {' '.join(reasons) or lines[-1]} "
                "What was done up to then is in the stack's state; correct the cause and repeat."
            ) from None


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
