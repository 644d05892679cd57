"""The Pulumi CLI's workspace of one stack: where its state is, and how the stack is found there."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path

from pulumi import automation

from engine.errors import StateDamaged
from engine.stored_state import StoredState
from infra.release import COMMIT_VARIABLE
from ops.stacks.cli_command import OrderlyCommand
from ops.stacks.cli_failure import CliFailures
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext, read_stack_file
from ops.stacks.errors import StackDamaged, StackMissing
from ops.stacks.local_stack import LocalStack
from ops.stacks.new_state import create_stack_file
from ops.stacks.plugins import Plugins
from ops.stacks.project import Project
from ops.stacks.pulumi_cli import PulumiCli

_ANNOUNCED: set[str] = set()


class CliWorkspace:
    """One stack as the CLI sees it: its state's backend, its settings file and its variables.

    Attributes:
        name: the stack's.
        config_file: its settings, where they aren't in the project's own place.
        notice: what a person should know of the CLI and the plugins in use; empty if nothing.
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
        self.name = name
        self.config_file = str(config_file) if config_file else None
        self.notice = notice
        self._announce = announce
        self._workspace = workspace
        self._selected: automation.Stack | None = None

    @property
    def stack(self) -> automation.Stack:
        """The stack, which is selected and never made.

        Raises:
            StackMissing: the backend doesn't have it.
            StackDamaged: its checkpoint is a file, and is damaged.
        """
        if self._selected is None:
            self._require_whole_state()
            with CliFailures("stack select"):
                try:
                    self._selected = automation.Stack.select(self.name, self._workspace)
                except automation.StackNotFoundError:
                    raise StackMissing(self._missing()) from None
            if self._announce is not None:
                self._announce(f"{self.name}: state in {self._where()}")
        return self._selected

    def _require_whole_state(self) -> None:
        """Read the checkpoint before the CLI does, which names neither the file nor its copy."""
        url = self._workspace.env_vars.get("PULUMI_BACKEND_URL") or self._place.url or ""
        folder = backend_folder(url, Path(self._workspace.work_dir))
        if folder is None:
            return
        project = self._workspace.project_settings().name
        try:
            StoredState(folder / ".pulumi", project=project, stack=self.name).require_whole()
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
            f"There is no stack '{self.name}' in {self._where()}. Where its state is elsewhere, "
            "log in there ('pulumi login', or PULUMI_BACKEND_URL); 'notifyctl up --stack "
            f"{self.name}' makes a new one."
        )

    def made(self) -> automation.Stack:
        """Return the stack, which is made where the backend doesn't have it."""
        try:
            return self.stack
        except StackMissing:
            with CliFailures("stack init"):
                self._selected = automation.Stack.create(self.name, self._workspace)
            return self._selected

    @classmethod
    def for_account(cls, context: StackContext) -> CliWorkspace:
        """Return that of a stack of a real account; credentials come from the environment.

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
    ) -> CliWorkspace:
        """Return that of a stack in a file backend of its own.

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

    @contextmanager
    def elsewhere(self) -> Iterator[tuple[automation.Stack, str]]:
        """Give an empty stack of that name in a backend that is gone after the block."""
        root = Path(self._workspace.work_dir)
        settings = Path(self.config_file or root / f"Pulumi.{self.name}.yaml")
        with tempfile.TemporaryDirectory(prefix="notifyctl-plan-") as name:
            folder = Path(name)
            state = folder / "state"
            state.mkdir()
            own = folder / f"Pulumi.{self.name}.yaml"
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
                ).create_stack(self.name)
                workspace = automation.LocalWorkspace(
                    work_dir=str(root), env_vars=variables, pulumi_command=command
                )
                stack = automation.Stack.select(self.name, workspace)
            yield stack, str(own)

    def remove(self) -> None:
        """Remove the stack, which has no resources left, from the backend."""
        self.stack.workspace.remove_stack(self.name)
        self._selected = None

    def run(self, *arguments: str) -> str:
        """Run a command of the CLI on the stack, and return what it printed."""
        workspace = self.stack.workspace
        command = [*arguments, "--stack", self.name]
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
