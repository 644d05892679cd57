"""One writer at a time, and no lock that outlives its owner."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import EmbeddedEngine, EngineError, StackLocked
from engine.errors import StateUnreadable
from engine.stack_lock import LockHolder, StackLock
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


def test_a_lock_that_cannot_be_read_is_somebodys_and_leaves_none_behind(tmp_path: Path) -> None:
    unreadable = tmp_path / "22222222-2222-4222-8222-222222222222.json"
    unreadable.mkdir()
    with pytest.raises(StackLocked, match="can't be read"):
        StackLock(tmp_path).acquire()
    assert list(tmp_path.iterdir()) == [unreadable]


def test_a_lock_is_given_back_however_taking_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = StackLock(tmp_path)

    def interrupted(own: Path | None) -> None:
        if own is not None:
            raise KeyboardInterrupt

    monkeypatch.setattr(lock, "_refuse_others", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lock.acquire()
    assert list(tmp_path.iterdir()) == []


def test_a_process_on_another_host_counts_as_living(tmp_path: Path) -> None:
    leave_lock(tmp_path, hostname="elsewhere", pid=dead_pid())
    with pytest.raises(StackLocked, match="elsewhere"):
        StackLock(tmp_path).acquire()


def test_a_user_without_a_name_can_take_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_name() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", no_name)
    StackLock(tmp_path).acquire()
    (holder,) = StackLock(tmp_path).holders()
    assert holder.user == f"uid {os.getuid()}"


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


ENDLESS = b'{"pid": 1e999, "timestamp": "2030-01-01T00:00:00Z"}'


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b'{"pid": null}', ENDLESS, b"[" * 9999]
)
def test_a_damaged_lock_is_a_lock_and_the_way_to_remove_it_is_named(
    tmp_path: Path, content: bytes
) -> None:
    folder = tmp_path / "dev"
    file = leave_lock(folder)
    file.write_bytes(content)
    with pytest.raises(StackLocked, match=r"is damaged.*notifyctl unlock --stack dev") as refused:
        StackLock(folder).acquire()
    assert str(file) in str(refused.value)
    assert list(folder.iterdir()) == [file]
    (holder,) = StackLock(folder).holders()
    assert (holder.is_damaged, holder.since) == (True, file.stat().st_mtime)
    assert StackLock(folder).break_all() == 1
    StackLock(folder).acquire()


@pytest.mark.parametrize("dead", [False, True])
def test_a_lock_that_somebody_else_removes_meanwhile_is_gone_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead: bool
) -> None:
    folder = tmp_path / "locks"
    leave_lock(folder, **({"pid": 2**22 + 1} if dead else {}))
    real = StackLock._holders

    def seen_and_then_removed(self: StackLock) -> Iterator[LockHolder]:
        for holder in real(self):
            holder.file.unlink()
            yield holder

    monkeypatch.setattr(StackLock, "_holders", seen_and_then_removed)
    if dead:
        assert len(StackLock(folder).acquire()) == 1
    else:
        assert StackLock(folder).break_all() == 1


def test_a_lock_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(EngineError, match="No space left on device"):
        StackLock(tmp_path).acquire()
    assert list(tmp_path.iterdir()) == []


def test_what_the_backend_writes_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        StackLock(tmp_path / "a" / "b").acquire()
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "a").rglob("*.json")}
    assert modes == {0o600}
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


@pytest.fixture
def resting(tmp_path: Path) -> EmbeddedEngine:
    """An engine whose stack has a state and runs nothing."""
    (tmp_path / "Pulumi.yaml").write_text("name: probe\nruntime: python\n")
    file = tmp_path / ".pulumi" / "stacks" / "probe" / "dev.json"
    file.parent.mkdir(parents=True)
    resources = [{"urn": "a", "protect": True}, {"urn": "b"}]
    file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": resources}}}))
    return EmbeddedEngine(
        project_dir=tmp_path,
        backend_dir=tmp_path,
        stack="dev",
        config_file=tmp_path / "Pulumi.dev.yaml",
        passphrase="p",
    )


def test_a_state_is_replaced_and_unprotected_by_one_writer_at_a_time(
    resting: EmbeddedEngine, tmp_path: Path
) -> None:
    before = resting.export()
    lock = leave_lock(tmp_path / ".pulumi" / "locks" / "organization" / "probe" / "dev")
    for change in (lambda: resting.replace_state({"deployment": {}}), resting.unprotect):
        with pytest.raises(StackLocked):
            change()
    assert resting.export() == before
    lock.unlink()
    assert resting.unprotect() == 1
    assert resting.unprotect() == 0
    resting.replace_state({"deployment": {"resources": []}})
    assert resting.export() == {"version": 3, "deployment": {"resources": []}}
    assert resting.lock_holders() == []


def test_a_state_that_is_not_there_is_not_replaced_and_leaves_no_lock(
    resting: EmbeddedEngine, tmp_path: Path
) -> None:
    (tmp_path / ".pulumi" / "stacks" / "probe" / "dev.json").unlink()
    with pytest.raises(EngineError, match="no stack 'dev'"):
        resting.replace_state({"deployment": {}})
    assert resting.lock_holders() == []


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff"])
def test_a_damaged_entry_of_the_history_is_named(
    resting: EmbeddedEngine, tmp_path: Path, text: str
) -> None:
    folder = tmp_path / ".pulumi" / "history" / "probe" / "dev"
    folder.mkdir(parents=True)
    (folder / "dev-1.history.json").write_text(json.dumps({"message": "über"}), encoding="utf-8")
    assert resting.history() == [{"message": "über", "version": 1}]
    (folder / "dev-2.history.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(StateUnreadable, match=r"dev-2\.history\.json .*damaged"):
        resting.history()
