"""One writer at a time, and no lock that outlives its owner."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import StackLocked
from engine.stack_lock import StackLock
from tests.engine.workspace import Workspace


def leave_lock(folder: Path, **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    holder = {
        "pid": os.getpid(),
        "username": "ada",
        "hostname": socket.gethostname(),
        "timestamp": "2030-01-01T00:00:00.000000001Z",
    }
    file = folder / "11111111-1111-4111-8111-111111111111.json"
    file.write_text(json.dumps({**holder, **changes}))
    return file


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_living_process_is_named_and_respected(tmp_path: Path) -> None:
    file = leave_lock(tmp_path)
    with pytest.raises(
        StackLocked, match=f"process {os.getpid()} of ada on {socket.gethostname()}"
    ):
        StackLock(tmp_path).acquire()
    assert list(tmp_path.iterdir()) == [file]


def test_a_process_on_another_host_counts_as_living(tmp_path: Path) -> None:
    leave_lock(tmp_path, hostname="elsewhere", pid=dead_pid())
    with pytest.raises(StackLocked, match="elsewhere"):
        StackLock(tmp_path).acquire()


def test_a_dead_process_leaves_no_lock_behind(tmp_path: Path) -> None:
    leave_lock(tmp_path, pid=dead_pid())
    lock = StackLock(tmp_path)
    assert "Removed the lock" in lock.acquire()[0]
    with pytest.raises(StackLocked):
        StackLock(tmp_path).acquire()
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_a_pid_that_was_given_out_again_is_no_living_holder(tmp_path: Path) -> None:
    leave_lock(tmp_path, timestamp="2020-01-01T00:00:00Z")
    lock = StackLock(tmp_path)
    assert len(lock.acquire()) == 1
    lock.release()


def test_the_engine_refuses_a_locked_stack_and_cancel_frees_it(workspace: Workspace) -> None:
    workspace.program("stores")
    leave_lock(workspace.backend / ".pulumi/locks/organization/probe/dev")
    engine = workspace.engine()
    with pytest.raises(StackLocked):
        engine.up()
    assert workspace.api.calls == []
    assert engine.preview().result == "succeeded"
    assert engine.cancel() == 1
    assert engine.up().result == "succeeded"
    assert list((workspace.backend / ".pulumi/locks").rglob("*.json")) == []
