"""A run that is killed at any point never keeps the next one from finishing the work."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.engine.engine_process import lives
from tests.engine.fake_cloudflare import FakeCloudflare
from tests.engine.test_lifecycle import names
from tests.engine.workspace import Workspace
from tests.eventually import eventually

_ROOT = Path(__file__).parents[2]


def run_killed(workspace: Workspace, operation: str, *, method: str, nth: int) -> None:
    """Run an operation in its own process and kill it when the nth such call has taken effect but
    is not answered yet."""
    workspace.write_config()
    command = [sys.executable, "-m", "tests.engine.engine_process", str(workspace.folder)]
    seen = 0
    process: subprocess.Popen[bytes] | None = None

    def kill(verb: str, path: str) -> None:
        nonlocal seen
        if verb == method:
            seen += 1
            if seen == nth and process is not None:
                process.kill()
                process.wait()

    workspace.api.before_answer = kill
    process = subprocess.Popen([*command, operation], cwd=_ROOT)
    assert process.wait(60) == -signal.SIGKILL
    workspace.api.before_answer = lambda verb, path: None


@pytest.mark.sample(2)
@pytest.mark.parametrize("nth", [1, 2, 4, 5])
def test_a_killed_create_is_taken_over(workspace: Workspace, api: FakeCloudflare, nth: int) -> None:
    workspace.program("stores")
    run_killed(workspace, "up", method="POST", nth=nth)
    pending = [item["type"] for item in workspace.state()["pending_operations"]]
    assert "creating" in pending
    workspace.up()
    assert "taken over" in workspace.said()
    assert "pending_operations" not in workspace.state()
    assert len(api.listing()) == 5
    assert workspace.up().changes == {"same": 7}


def test_a_killed_replacement_leaves_one_of_each(workspace: Workspace, api: FakeCloudflare) -> None:
    workspace.program("stores")
    workspace.up()
    workspace.edit('"name": "db"', '"name": "db2"')
    run_killed(workspace, "up", method="POST", nth=1)
    assert api.names("d1/database") == ["db", "db2"]
    workspace.up()
    assert api.names("d1/database") == ["db2"]
    assert workspace.up().changes == {"same": 7}


def test_a_killed_update_is_read_back(workspace: Workspace, api: FakeCloudflare) -> None:
    workspace.program("stores")
    workspace.up()
    workspace.edit('"retry-queue"', '"other"')
    run_killed(workspace, "up", method="PUT", nth=1)
    workspace.edit('"other"', '"retry-queue"')
    workspace.up()
    assert api.names("queues") == ["retry-queue"]


def test_a_killed_destroy_is_finished(workspace: Workspace, api: FakeCloudflare) -> None:
    workspace.program("stores")
    workspace.up()
    run_killed(workspace, "destroy", method="DELETE", nth=2)
    assert workspace.engine().destroy().result == "succeeded"
    assert api.listing() == []
    assert "resources" not in workspace.state()


def test_ctrl_c_finishes_the_running_step_and_gives_the_lock_back(
    workspace: Workspace, api: FakeCloudflare
) -> None:
    workspace.program("stores")
    workspace.write_config()
    command = [sys.executable, "-m", "tests.engine.engine_process", str(workspace.folder)]
    process: subprocess.Popen[bytes] | None = None

    def interrupt(verb: str, path: str) -> None:
        if verb == "POST" and path.endswith("workers") and process is not None:
            programs = psutil.Process(process.pid).children()
            process.send_signal(signal.SIGINT)
            eventually(lambda: not any(map(lives, programs)), what="the program's end")

    api.before_answer = interrupt
    process = subprocess.Popen(command, cwd=_ROOT)
    assert process.wait(60) == 0
    api.before_answer = lambda verb, path: None
    assert workspace.resource("w")["id"]
    assert "pending_operations" not in workspace.state()
    assert list((workspace.backend / ".pulumi/locks").rglob("*.json")) == []
    assert workspace.engine().history()[0]["result"] == "failed"
    assert names(workspace.up().steps) == [("create", "qc")]
