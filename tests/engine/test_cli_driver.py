"""What the driver of the real CLI tells: numbers that stay, failures by their kind."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pulumi.automation import CommandError, CommandResult

from engine.stored_state import put_back
from ops.stacks.cli import CliDriver
from ops.stacks.cli_failure import CliFailures
from ops.stacks.cli_workspace import CliWorkspace, backend_folder
from ops.stacks.errors import StackDamaged, StackFailed
from tests.engine.fake_cloudflare import FakeCloudflare
from tests.engine.test_real_pulumi import Cli
from tests.engine.workspace import CANARY, Workspace
from tests.ops.contexts import context_of

pytestmark = pytest.mark.real_pulumi
ROOT = Path(__file__).parents[2]


@pytest.fixture
def cli(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The real CLI on the program of stores, which this engine has deployed."""
    workspace.program("stores")
    workspace.up()
    made = Cli(workspace)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def driver_of(workspace: Workspace) -> CliDriver:
    return CliDriver(
        CliWorkspace.for_account(context_of(workspace.folder, "dev", file=workspace.config_file))
    )


def refusal(workspace: Workspace, action: str = "up") -> str:
    """Return what a failing operation of the driver says."""
    operations = {
        "up": lambda: driver_of(workspace).up(lambda _: None, message=""),
        "preview": lambda: driver_of(workspace).preview(lambda _: None),
    }
    with pytest.raises(StackFailed) as failed:
        operations[action]()
    return str(failed.value)


def lock(workspace: Workspace) -> Path:
    file = workspace.backend / ".pulumi/locks/organization/probe/dev/0a1b.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    told = {"pid": 4711, "username": "ada", "hostname": "desk"}
    file.write_text(json.dumps({**told, "timestamp": "2026-11-21T21:51:51Z"}))
    return file


def test_updates_keep_their_numbers_however_many_there_are(cli: Cli, workspace: Workspace) -> None:
    [entry] = workspace.backend.rglob("*.history.json")
    stamp = int(entry.name.split("-")[1].split(".")[0])
    for number in range(1, 130):
        entry.with_name(f"dev-{stamp + number}.history.json").write_text(entry.read_text())
    numbers = [update.version for update in driver_of(workspace).history()]
    assert numbers == list(range(130, 0, -1))


def test_each_kind_of_failure_has_its_sentence(
    cli: Cli, workspace: Workspace, api: FakeCloudflare, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = lock(workspace)
    told = refusal(workspace)
    assert told.startswith(
        "The stack is locked by ada@desk (process 4711) since 2026-11-21T21:51:5"
    )
    assert "'notifyctl recover --stack dev'" in told
    held.unlink()

    workspace.edit("# edit: begin", "raise ValueError('wrong: a\\\\nwrong: b')\n# edit: begin")
    told = refusal(workspace, "preview")
    assert "wrong: a" in told
    assert "wrong: b" in told
    assert told.endswith(
        "Nothing was changed. Correct the cause, and run the same notifyctl command again."
    )
    assert "Traceback" not in told

    with monkeypatch.context() as patch:
        patch.setenv("PULUMI_CONFIG_PASSPHRASE", "another")
        assert refusal(workspace).startswith("The passphrase doesn't open the stack's secrets.")


def test_outputs_are_the_embedded_engines_and_secret_until_they_are_asked_for(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = workspace.folder / "outside"
    outside.mkdir()
    workspace.config["folder"] = str(outside)
    workspace.program("family")
    shutil.copy(
        Path(__file__).with_name("programs") / "records_provider.py", workspace.folder / "app"
    )
    workspace.up()
    for name, value in Cli(workspace).environment.items():
        monkeypatch.setenv(name, value)
    driver, engine = driver_of(workspace), workspace.engine()
    assert driver.outputs(show_secrets=True) == engine.outputs(show_secrets=True)
    masked, embedded = driver.outputs(show_secrets=False), engine.outputs(show_secrets=False)
    # The CLI shows what is beside a secret in the same output.
    assert {**masked, "mixed": embedded["mixed"]} == embedded
    assert masked["key"] == "[secret]"
    assert CANARY not in json.dumps(masked)
    assert driver.is_unfinished() is False

    # A ledger that is ahead of the outputs: the update was cut off.
    state = json.loads(json.dumps(driver.export()))
    entry = {"version_id": "v2", "serving": [{"version_id": "v1", "percentage": 100}]}
    root = next(one for one in state["deployment"]["resources"] if one["type"].endswith(":Stack"))
    ledger = {
        "urn": f"{root['urn'].rpartition('::')[0].rpartition('::')[0]}"
        "::pulumi-python:releases:ReleaseLedger::releases",
        "custom": True,
        "id": "releases",
        "type": "pulumi-python:releases:ReleaseLedger",
        "parent": root["urn"],
        "outputs": {"releases": [entry]},
    }
    state["deployment"]["resources"].append(ledger)
    driver.replace_state(state)
    assert driver.is_unfinished() is True
    assert driver.outputs(show_secrets=False)["serving_version_id"] == "v1"
    assert driver.outputs(show_secrets=False)["version_id"] == "v2"


def test_an_interrupted_update_ends_in_order(
    cli: Cli, workspace: Workspace, api: FakeCloudflare
) -> None:
    workspace.edit('"name": "db"', '"name": "db2"')
    command = [sys.executable, "-m", "tests.engine.driver_process"]
    started: list[subprocess.Popen[bytes]] = []

    def interrupt(method: str, path: str) -> None:
        if (method, path) == ("POST", "d1/database"):
            started[0].send_signal(signal.SIGINT)

    api.before_answer = interrupt
    arguments = [str(workspace.folder), str(workspace.config_file)]
    process = subprocess.Popen(
        [*command, *arguments], cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True
    )
    started.append(process)
    assert started[0].wait(120) != 0
    api.before_answer = lambda method, path: None
    assert list((workspace.backend / ".pulumi" / "locks").rglob("*.json")) == []
    assert "pending_operations" not in workspace.state()
    driver_of(workspace).up(lambda _: None, message="")
    assert api.names("d1/database") == ["db2"]


@pytest.mark.parametrize("content", ["", '{"version": 3, "checkp'])
def test_no_command_takes_a_damaged_state_for_none_and_its_copy_is_whole(
    cli: Cli, workspace: Workspace, content: str
) -> None:
    file = workspace.backend / ".pulumi/stacks/probe/dev.json"
    driver_of(workspace).up(lambda _: None, message="")
    before = driver_of(workspace).resources()
    file.write_text(content)
    driver = driver_of(workspace)
    for command in (
        lambda: driver.up(lambda _: None, message=""),
        lambda: driver.preview(lambda _: None),
        lambda: driver.refresh(lambda _: None),
        lambda: driver.destroy(lambda _: None),
        lambda: driver.outputs(show_secrets=False),
        lambda: driver.history(),
        driver.export,
    ):
        with pytest.raises(StackDamaged) as found:
            command()
        assert f"The state {file} is damaged" in str(found.value)
    assert file.read_text() == content
    put_back(found.value.damage)
    assert driver_of(workspace).resources() == before
    # Past this driver the CLI's own words lead there, too.
    file.write_text(content)
    done = cli.run("stack", "export")
    with pytest.raises(StackFailed, match="is empty, cut off or not JSON"), CliFailures("export"):
        raise CommandError(CommandResult(stdout="", stderr=done.stderr, code=done.returncode))


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file:///srv/state?no_tmp_dir=true", "/srv/state"),
        ("file://state", "/work/state"),
        ("file://~/state", "HOME/state"),
        ("file://~", "HOME"),
        ("s3://bucket?region=auto", None),
        ("https://pulumi.example", None),
        ("", None),
    ],
)
def test_a_file_backends_folder_is_read_as_the_cli_reads_it(url: str, folder: str | None) -> None:
    wanted = folder and str(Path(folder.replace("HOME", str(Path.home()))).resolve())
    found = backend_folder(url, Path("/work"))
    assert (found and str(found)) == wanted
