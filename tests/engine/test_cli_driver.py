"""What the driver of the real CLI tells: numbers that stay, failures by their kind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops.stacks.cli import CliDriver
from ops.stacks.errors import StackFailed
from tests.engine.fake_cloudflare import FakeCloudflare
from tests.engine.test_real_pulumi import Cli
from tests.engine.workspace import Workspace
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
    return CliDriver.for_account(context_of(workspace.folder, "dev", file=workspace.config_file))


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
    assert told.endswith("Nothing was changed; correct the cause and repeat.")
    assert "Traceback" not in told

    with monkeypatch.context() as patch:
        patch.setenv("PULUMI_CONFIG_PASSPHRASE", "another")
        assert refusal(workspace).startswith("The passphrase doesn't open the stack's secrets.")


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
