"""How a stack is found, made and removed by the real CLI; the automation API is the test's own."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pulumi import automation

from infra.release import COMMIT_VARIABLE
from ops.stacks import cli_workspace as module
from ops.stacks.cli_workspace import CliWorkspace, account_stacks
from ops.stacks.errors import StackDamaged, StackMissing
from ops.stacks.plugins import Plugins
from ops.stacks.project import Project
from ops.stacks.pulumi_cli import PulumiCli
from tests.ops.contexts import context_of

ID = "0" * 31 + "a"
NPM = PulumiCli("npm", "/home/pulumi", version="3.240.0")
NOTICE = "No 'pulumi' on PATH: the Pulumi CLI 3.240.0 of npm's package is used."


class Api:
    """Pulumi's automation API, with the stacks that its backend has."""

    def __init__(self, *stacks: str) -> None:
        self.stacks = list(stacks)
        self.made: list[dict[str, Any]] = []
        self.created: list[str] = []
        self.removed: list[str] = []
        self.commands: list[Any] = []
        self.url = "s3://state"

    # The names that the module uses.

    StackNotFoundError = automation.StackNotFoundError

    def LocalWorkspace(self, **how: Any) -> Any:  # noqa: N802 the API's name
        self.made.append(how)
        command = SimpleNamespace(run=self._run)
        return SimpleNamespace(
            work_dir=how.get("work_dir", ""),
            env_vars=how.get("env_vars", {}),
            secrets_provider=how.get("secrets_provider"),
            pulumi_command=command,
            who_am_i=lambda: SimpleNamespace(url=self.url, user="ada"),
            project_settings=lambda: SimpleNamespace(name="notification-system"),
            create_stack=self.created.append,
            remove_stack=self.removed.append,
            list_stacks=lambda: [SimpleNamespace(name=name) for name in self.stacks],
        )

    def _run(self, command: list[str], folder: str, variables: dict[str, str]) -> Any:
        self.commands.append((command, folder, variables))
        return SimpleNamespace(stdout="printed")

    @property
    def Stack(self) -> Any:  # noqa: N802 the API's name
        def select(name: str, workspace: Any) -> Any:
            if name not in self.stacks:
                refusal: Any = SimpleNamespace(stderr="", stdout="")
                raise automation.StackNotFoundError(refusal)
            return SimpleNamespace(name=name, workspace=workspace)

        def create(name: str, workspace: Any) -> Any:
            self.created.append(name)
            return SimpleNamespace(name=name, workspace=workspace)

        return SimpleNamespace(select=select, create=create)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    found = Api("dev")
    monkeypatch.setattr(module, "automation", found)
    monkeypatch.setattr(module, "OrderlyCommand", lambda cli, closed=False: (cli, closed))
    monkeypatch.setattr(Plugins, "chosen", lambda _: Plugins({"PLUGIN": "x"}, "Stand-ins."))
    monkeypatch.setattr(PulumiCli, "needed", lambda *_, **__: NPM)
    monkeypatch.setattr(module, "_ANNOUNCED", set())
    return found


def workspace(api: Api, root: Path, name: str = "dev", **more: Any) -> CliWorkspace:
    made: Any = api.LocalWorkspace(work_dir=str(root), env_vars={"A": "b"})
    return CliWorkspace(name, made, config_file=None, **more)


def test_a_stack_is_selected_once_and_announced(api: Api, tmp_path: Path) -> None:
    announced: list[str] = []
    found = workspace(api, tmp_path, announce=announced.append)
    assert found.stack is found.stack
    assert announced == ["dev: state in s3://state as ada"]
    assert found.made() is found.stack
    assert api.created == []


def test_a_stack_that_is_not_there_is_told_with_where_it_was_looked_for(
    api: Api, tmp_path: Path
) -> None:
    found = workspace(api, tmp_path, "staging")
    said = "There is no stack 'staging' in s3://state as ada. Where its state is elsewhere"
    with pytest.raises(StackMissing, match=said):
        _ = found.stack
    assert found.made().name == "staging"
    assert found.stack.name == "staging"
    assert api.created == ["staging"]


@pytest.mark.parametrize("by_variable", [True, False])
def test_a_damaged_checkpoint_is_told_before_the_cli_reads_it(
    api: Api, tmp_path: Path, by_variable: bool
) -> None:
    folder = tmp_path / "state" / ".pulumi" / "stacks" / "notification-system"
    folder.mkdir(parents=True)
    (folder / "dev.json").write_text("")
    found = workspace(api, tmp_path)
    url = f"file://{tmp_path / 'state'}"
    if by_variable:
        found._workspace.env_vars = {"PULUMI_BACKEND_URL": url}
    else:
        api.url = url
    with pytest.raises(StackDamaged):
        _ = found.stack


def test_a_removed_stack_is_looked_for_anew(api: Api, tmp_path: Path) -> None:
    found = workspace(api, tmp_path)
    found.remove()
    assert api.removed == ["dev"]
    api.stacks.clear()
    with pytest.raises(StackMissing):
        _ = found.stack


def test_a_command_is_run_on_the_stack(api: Api, tmp_path: Path) -> None:
    assert workspace(api, tmp_path).run("cancel", "--yes") == "printed"
    command = ["cancel", "--yes", "--stack", "dev"]
    assert api.commands == [(command, str(tmp_path), {"A": "b"})]


@pytest.mark.parametrize("elsewhere", [True, False])
def test_an_accounts_workspace_has_the_commit_and_the_key_service(
    api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str], elsewhere: bool
) -> None:
    own = tmp_path / "Pulumi.dev.yaml"
    text = (
        f"secretsprovider: awskms://alias/key\nconfig: {{notification-system:accountId: '{ID}'}}\n"
    )
    own.write_text(text)
    other = tmp_path / "other.yaml"
    other.write_text("config: {}\n")
    environment = {COMMIT_VARIABLE: "c" * 40}
    context = context_of(
        tmp_path, "dev", file=other if elsewhere else None, environment=environment
    )
    found = CliWorkspace.for_account(context)
    assert (found.name, found.notice) == ("dev", f"{NOTICE} Stand-ins.")
    assert found.config_file == (str(other) if elsewhere else None)
    [how] = api.made
    assert how["env_vars"] == {"PLUGIN": "x", COMMIT_VARIABLE: "c" * 40}
    assert how["pulumi_command"] == (NPM, False)
    assert how["secrets_provider"] == (None if elsewhere else "awskms://alias/key")
    _ = found.stack
    _ = CliWorkspace.for_account(context).stack
    account = "not set" if elsewhere else ID
    said = f"dev: state in s3://state as ada, account {account}\n"
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize("gets_plugins", [True, False])
def test_a_local_stacks_workspace_is_closed_and_keeps_its_state_in_files(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gets_plugins: bool
) -> None:
    made: list[Any] = []
    monkeypatch.setattr(module, "create_stack_file", lambda *given: made.append(given))
    local: Any = SimpleNamespace(
        environment={"A": "b"}, backend_dir="/state", passphrase="p", stack="local",
        config_file=tmp_path / "settings.yaml",
    )  # fmt: skip
    project = Project(root=tmp_path, home=tmp_path)
    found = CliWorkspace.for_local(project, local, NPM, gets_plugins=gets_plugins)
    assert (found.name, found.config_file) == ("local", str(tmp_path / "settings.yaml"))
    assert found.notice == f"{NOTICE} Stand-ins."
    [how] = api.made
    assert how["pulumi_command"] == (NPM, True)
    acquisition = {} if gets_plugins else {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}
    assert how["env_vars"] == {
        "A": "b",
        "PLUGIN": "x",
        "PULUMI_BACKEND_URL": "file:///state",
        "PULUMI_CONFIG_PASSPHRASE": "p",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **acquisition,
    }
    assert made == [(tmp_path, local)]


@pytest.mark.parametrize("salted", [True, False])
def test_a_plan_of_what_is_not_there_is_made_in_a_backend_that_goes(
    api: Api, tmp_path: Path, salted: bool
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: notification-system\n")
    salt = {"encryptionsalt": "v1:a:b"} if salted else {}
    (tmp_path / "Pulumi.dev.yaml").write_text(json.dumps({**salt, "config": {}}))
    found = workspace(api, tmp_path)
    with found.elsewhere() as (stack, settings):
        folder = Path(settings).parent
        assert (stack.name, stack.workspace.work_dir) == ("dev", str(tmp_path))
        assert Path(settings).name == "Pulumi.dev.yaml"
        assert (folder / "Pulumi.yaml").is_file()
        variables = stack.workspace.env_vars
        assert variables["PULUMI_BACKEND_URL"] == f"file://{folder / 'state'}"
        assert variables["A"] == "b"
        assert ("PULUMI_CONFIG_PASSPHRASE" in variables) is not salted
        assert len(variables.get("PULUMI_CONFIG_PASSPHRASE", "x" * 40)) >= 40
    assert api.created == ["dev"]
    assert not folder.exists()
    own = tmp_path / "own.yaml"
    own.write_text("config: {}\n")
    found.config_file = str(own)
    with found.elsewhere() as (_, settings):
        assert Path(settings).read_text() == "config: {}\n"


def test_the_stacks_of_an_account_are_named_without_their_organisation(
    api: Api, tmp_path: Path
) -> None:
    api.stacks = ["org/notification-system/staging", "dev", "org/production"]
    project = Project(root=tmp_path, home=tmp_path)
    assert account_stacks(project, NPM) == ["dev", "production", "staging"]
