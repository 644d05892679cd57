"""Drives the real Pulumi CLI through Pulumi's automation API."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from pulumi import automation

from engine.errors import StateDamaged
from engine.stored_state import StoredState
from infra.release import COMMIT_VARIABLE
from ops.stacks.cli_command import OrderlyCommand
from ops.stacks.cli_failure import CliFailures
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext, read_stack_file
from ops.stacks.driver import HistoryEntry, Progress, StackUpdate
from ops.stacks.errors import StackDamaged, StackMissing
from ops.stacks.local_stack import LocalStack
from ops.stacks.new_state import create_stack_file
from ops.stacks.plugins import Plugins
from ops.stacks.project import Project
from ops.stacks.pulumi_cli import PulumiCli

_PAGE = 100
_MAX_PAGES = 1000
"""Updates of the history that are read at once, and how often."""

_ANNOUNCED: set[str] = set()


class CliDriver:
    """A :class:`ops.stacks.driver.StackDriver` on the Pulumi CLI.

    The history is read without secrets: its settings may be encrypted under another file's salt.
    """

    def __init__(
        self,
        name: str,
        workspace: automation.LocalWorkspace,
        *,
        config_file: Path | None,
        notice: str = "",
        announce: Callable[[str], None] | None = None,
    ) -> None:
        self._name = name
        self._announce = announce
        self._workspace = workspace
        self._config_file = str(config_file) if config_file else None
        self._notice = notice
        self._selected: automation.Stack | None = None

    @property
    def _stack(self) -> automation.Stack:
        """The stack, which is selected and never made.

        Raises:
            StackMissing: the backend doesn't have it.
            StackDamaged: its checkpoint is a file, and is damaged.
        """
        if self._selected is None:
            self._require_whole_state()
            with CliFailures("stack select"):
                try:
                    self._selected = automation.Stack.select(self._name, self._workspace)
                except automation.StackNotFoundError:
                    raise StackMissing(self._missing()) from None
            if self._announce is not None:
                self._announce(f"{self._name}: state in {self._where()}")
        return self._selected

    def _require_whole_state(self) -> None:
        """Read the checkpoint before the CLI does, which names neither the file nor its copy."""
        url = self._workspace.env_vars.get("PULUMI_BACKEND_URL") or self._place.url or ""
        folder = backend_folder(url, Path(self._workspace.work_dir))
        if folder is None:
            return
        project = self._workspace.project_settings().name
        try:
            StoredState(folder / ".pulumi", project=project, stack=self._name).require_whole()
        except StateDamaged as damage:
            raise StackDamaged(damage) from None

    @cached_property
    def _place(self) -> automation.WhoAmIResult:
        with CliFailures("whoami"):
            return self._workspace.who_am_i()

    def _where(self) -> str:
        return f"{self._place.url} as {self._place.user}"

    def _missing(self) -> str:
        return (
            f"There is no stack '{self._name}' in {self._where()}. Where its state is elsewhere, "
            "log in there ('pulumi login', or PULUMI_BACKEND_URL); 'notifyctl up --stack "
            f"{self._name}' makes a new one."
        )

    def _made(self) -> automation.Stack:
        """Return the stack, which is made where the backend doesn't have it."""
        try:
            return self._stack
        except StackMissing:
            with CliFailures("stack init"):
                self._selected = automation.Stack.create(self._name, self._workspace)
            return self._selected

    @classmethod
    def for_account(cls, context: StackContext) -> CliDriver:
        """Return the driver of a stack of a real account; credentials come from the environment.

        Raises:
            StackFailed: the CLI refuses (not logged in, wrong passphrase, …); its words are kept.
        """
        cli = PulumiCli.needed(
            context.project.root,
            context.environment,
            why=f"The stack '{context.stack}' is deployed by the Pulumi CLI",
            reporter=context.reporter,
        )
        plugins = Plugins.chosen(context.environment)
        named = context.file.path
        usual = context.project.root / f"Pulumi.{context.stack}.yaml"
        with CliFailures("version"):
            workspace = automation.LocalWorkspace(
                work_dir=str(context.project.root),
                env_vars={**plugins.environment, COMMIT_VARIABLE: context.commit},
                pulumi_command=OrderlyCommand(cli),
                secrets_provider=_secrets_provider(context),
            )
        return cls(
            context.stack,
            workspace,
            config_file=None if named == usual else named,
            notice=" ".join(filter(None, (cli.notice, plugins.notice))),
            announce=partial(_announce_once, context.file.known.account_id),
        )

    @classmethod
    def for_local(
        cls, project: Project, local: LocalStack, cli: PulumiCli, *, gets_plugins: bool = False
    ) -> CliDriver:
        """Return the driver of a stack in a file backend of its own.

        Args:
            project: the project's folder.
            local: the stack, and all variables that the CLI sees.
            cli: which CLI.
            gets_plugins: whether a missing plugin may be downloaded.
        """
        plugins = Plugins.chosen(local.environment)
        environment = {
            **local.environment,
            **plugins.environment,
            "PULUMI_BACKEND_URL": f"file://{local.backend_dir}",
            "PULUMI_CONFIG_PASSPHRASE": local.passphrase,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        if not gets_plugins:
            environment["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
        # Made here: 'pulumi stack init' would write a salt into the tracked settings file.
        create_stack_file(project.root, local)
        with CliFailures("version"):
            workspace = automation.LocalWorkspace(
                work_dir=str(project.root),
                env_vars=environment,
                pulumi_command=OrderlyCommand(cli, closed=True),
            )
        notice = " ".join(filter(None, (cli.notice, plugins.notice)))
        return cls(local.stack, workspace, config_file=local.config_file, notice=notice)

    def preview(self, show: Callable[[Progress], None]) -> StackUpdate:
        """See :meth:`StackDriver.preview`; a stack that isn't there yet is planned and not made."""
        try:
            stack = self._stack
        except StackMissing as missing:
            show(Progress(f"{missing} This plans its first deployment.", severity="warning"))
            with self._elsewhere() as (stack, config_file):
                return self._preview(stack, config_file, show)
        return self._preview(stack, self._config_file, show)

    def _preview(
        self, stack: automation.Stack, config_file: str | None, show: Callable[[Progress], None]
    ) -> StackUpdate:
        steps: list[tuple[str, str]] = []
        failures = CliFailures("preview", self._name)

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

    @contextmanager
    def _elsewhere(self) -> Iterator[tuple[automation.Stack, str]]:
        """Give an empty stack of that name in a backend that is gone after the block."""
        root = Path(self._workspace.work_dir)
        settings = Path(self._config_file or root / f"Pulumi.{self._name}.yaml")
        with tempfile.TemporaryDirectory(prefix="notifyctl-plan-") as name:
            folder = Path(name)
            state = folder / "state"
            state.mkdir()
            own = folder / f"Pulumi.{self._name}.yaml"
            shutil.copy(settings, own)
            shutil.copy(root / "Pulumi.yaml", folder)
            variables = {"PULUMI_BACKEND_URL": f"file://{state}"}
            if read_stack_file(own).content.get("encryptionsalt") is None:
                # Nothing is encrypted yet by a passphrase that the operator would have to know.
                variables["PULUMI_CONFIG_PASSPHRASE"] = secrets.token_urlsafe(32)
            command = self._workspace.pulumi_command
            variables = {**self._workspace.env_vars, **variables}
            with CliFailures("stack init"):
                automation.LocalWorkspace(
                    work_dir=name,
                    env_vars=variables,
                    pulumi_command=command,
                    secrets_provider=self._workspace.secrets_provider,
                ).create_stack(self._name)
                workspace = automation.LocalWorkspace(
                    work_dir=str(root), env_vars=variables, pulumi_command=command
                )
                stack = automation.Stack.select(self._name, workspace)
            yield stack, str(own)

    def up(self, show: Callable[[Progress], None], *, message: str) -> StackUpdate:
        """See :meth:`StackDriver.up`."""
        stack = self._made()
        with CliFailures("up", self._name) as failures:
            result = stack.up(
                message=message,
                on_output=self._lines(show),
                on_event=failures.note,
                color="never",
                config_file=self._config_file,
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
        with CliFailures("refresh", self._name) as failures:
            result = self._stack.refresh(
                clear_pending_creates=clear_pending_creates,
                on_output=self._lines(show),
                on_event=failures.note,
                color="never",
                config_file=self._config_file,
                show_secrets=False,
            )
        return _update(result.summary, {})

    def destroy(self, show: Callable[[Progress], None]) -> StackUpdate:
        """See :meth:`StackDriver.destroy`."""
        with CliFailures("destroy", self._name) as failures:
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
        with CliFailures("stack rm", self._name):
            self._stack.workspace.remove_stack(self._name)
        self._selected = None

    def set_secrets(self, named: Mapping[str, str]) -> None:
        """Set secret settings, encrypted, in the stack's settings file."""
        values = {name: automation.ConfigValue(text, secret=True) for name, text in named.items()}
        stack = self._made()
        with CliFailures("config set", self._name):
            stack.set_all_config(values)

    def unprotect(self) -> None:
        """See :meth:`StackDriver.unprotect`."""
        # Not by the automation API: what it exports is in clear, and its import leaves that in a
        # file for good.
        with CliFailures("state unprotect", self._name):
            self._run("state", "unprotect", "--all", "--yes")

    def locks(self) -> list[str] | None:
        """See :meth:`StackDriver.locks`."""
        return None

    def unlock(self) -> None:
        """See :meth:`StackDriver.unlock`."""
        with CliFailures("cancel", self._name):
            self._run("cancel", "--yes")

    def export(self, *, show_secrets: bool = False) -> Mapping[str, Any]:
        """See :meth:`StackDriver.export`."""
        asked = ["--show-secrets"] if show_secrets else []
        with CliFailures("stack export", self._name):
            document: dict[str, Any] = json.loads(self._run("stack", "export", *asked))
        return document

    def replace_state(self, exported: Mapping[str, Any]) -> None:
        """See :meth:`StackDriver.replace_state`."""
        with tempfile.TemporaryDirectory(prefix="notifyctl-state-") as folder:
            file = Path(folder) / "state.json"
            file.touch(mode=0o600)
            file.write_text(json.dumps(exported), encoding="utf-8")
            with CliFailures("stack import", self._name):
                self._run("stack", "import", "--file", str(file))

    def resources(self) -> list[Mapping[str, Any]]:
        """See :meth:`StackDriver.resources`."""
        return list((self.export().get("deployment") or {}).get("resources") or [])

    def outputs(self, *, show_secrets: bool) -> Mapping[str, Any]:
        """See :meth:`StackDriver.outputs`."""
        with CliFailures("stack output", self._name):
            outputs = self._stack.outputs()
        return {
            name: "[secret]" if output.secret and not show_secrets else output.value
            for name, output in outputs.items()
        }

    def history(self) -> list[HistoryEntry]:
        """See :meth:`StackDriver.history`."""
        entries: list[automation.UpdateSummary] = []
        with CliFailures("stack history", self._name):
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
        command = [*arguments, "--stack", self._name]
        done = workspace.pulumi_command.run(command, workspace.work_dir, dict(workspace.env_vars))
        return str(done.stdout)


def account_stacks(project: Project, cli: PulumiCli) -> list[str]:
    """Return the names of the project's stacks in the account's state backend, sorted.

    Raises:
        StackFailed: the CLI refuses (not logged in, …); its words are kept.
    """
    with CliFailures("stack ls"):
        workspace = automation.LocalWorkspace(
            work_dir=str(project.root), pulumi_command=OrderlyCommand(cli)
        )
        listed = workspace.list_stacks()
    return sorted(stack.name.rpartition("/")[2] for stack in listed)


def backend_folder(url: str, work_dir: Path) -> Path | None:
    """Return the folder of a file backend; ``None`` where the state isn't in files.

    Args:
        url: the backend's, as the CLI reads it (pulumi/pulumi pkg/backend/diy/backend.go,
            ``massageBlobPath``): ``~`` is the home, another path is below the working folder.
        work_dir: the CLI's working folder.
    """
    if not url.startswith("file://"):
        return None
    return (work_dir / Path(url.removeprefix("file://").split("?")[0]).expanduser()).resolve()


def _announce_once(account_id: str | None, text: str) -> None:
    """Tell a person on standard error, once for each command, which state and account it is."""
    line = f"{text}, account {account_id or 'not set'}"
    if line not in _ANNOUNCED:
        _ANNOUNCED.add(line)
        Reporter(json=True).line(line, style="dim")


def _secrets_provider(context: StackContext) -> str | None:
    """Return what the stack's file names for its secrets, for a stack that is to be made."""
    named = context.file.content.get("secretsprovider")
    return named if isinstance(named, str) else None


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
