"""What a recovery does to a lock and to entries that would delete what is in use."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from engine.errors import StateDamaged
from ops.deploy.recovery import Recovery, RecoveryReport
from ops.stacks.driver import StackDriver
from ops.stacks.errors import GateClosed, StackDamaged, StackLocked, UsageError
from tests.ops.contexts import context_of

D1 = "cloudflare:index/d1Database:D1Database"


class Driver:
    """A stack whose lock and state a test sets."""

    def __init__(self, resources: list[dict[str, Any]] | None = None) -> None:
        self.unlocked = 0
        self.document: Mapping[str, Any] = {
            "version": 3,
            "deployment": {"manifest": {}, "resources": resources or []},
        }

    def unlock(self) -> None:
        self.unlocked += 1

    def export(self) -> Mapping[str, Any]:
        return self.document

    def replace_state(self, exported: Mapping[str, Any]) -> None:
        self.document = exported


def recovery(tmp_path: Path, asked: list[str], *, agrees: bool = True) -> Recovery:
    """Return one that notes what it asks."""
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")

    def confirm(what: str) -> None:
        asked.append(what)
        if not agrees:
            raise UsageError("no")

    return Recovery(context_of(tmp_path, "dev"), confirm, confirm)


def lock(host: str, pid: int | None) -> StackLocked:
    holder = f"ada@{host}" if pid is not None else ""
    return StackLocked("locked", holder=holder, pid=pid, since="2026-11-21T21:51:51Z")


def dead_pid() -> int:
    """Return the id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_lock_of_a_dead_process_here_goes_without_a_question(tmp_path: Path) -> None:
    asked: list[str] = []
    driver = Driver()
    holder = recovery(tmp_path, asked)._unlock(
        cast(StackDriver, driver), lock(socket.gethostname(), dead_pid())
    )
    assert driver.unlocked == 1
    assert holder.startswith("ada at ")
    assert asked == []


def test_the_lock_of_a_living_process_stays(tmp_path: Path) -> None:
    driver = Driver()
    with pytest.raises(GateClosed, match=f"process {os.getpid()} still runs"):
        recovery(tmp_path, [])._unlock(
            cast(StackDriver, driver), lock(socket.gethostname(), os.getpid())
        )
    assert driver.unlocked == 0


@pytest.mark.parametrize("pid", [1, None])
def test_a_lock_of_elsewhere_goes_once_it_is_confirmed(tmp_path: Path, pid: int | None) -> None:
    driver = Driver()
    with pytest.raises(UsageError):
        recovery(tmp_path, [], agrees=False)._unlock(
            cast(StackDriver, driver), lock("another.example", pid)
        )
    assert driver.unlocked == 0
    asked: list[str] = []
    recovery(tmp_path, asked)._unlock(cast(StackDriver, driver), lock("another.example", pid))
    assert driver.unlocked == 1
    assert "from the state of 'dev'" in asked[0]


@pytest.fixture
def damage(tmp_path: Path) -> StateDamaged:
    """A checkpoint that a killed CLI left empty, with the copy of before."""
    file, copy = tmp_path / "dev.json", tmp_path / "dev.json.bak"
    file.touch()
    copy.write_text("{}")
    locks = tmp_path / "locks"
    locks.mkdir()
    return StateDamaged("dev", file=file, copy=copy, lock_dir=locks)


def test_a_damaged_states_copy_takes_its_place_once_it_is_agreed(
    tmp_path: Path, damage: StateDamaged
) -> None:
    asked: list[str] = []
    with pytest.raises(UsageError):
        recovery(tmp_path, asked, agrees=False)._put_back(StackDamaged(damage))
    assert damage.file.read_text() == ""
    assert f"The state {damage.file} is damaged" in asked[0]
    assert str(damage.copy) in asked[0]
    assert recovery(tmp_path, [])._put_back(StackDamaged(damage)) == str(damage.copy)
    assert damage.file.read_text() == "{}"
    assert (tmp_path / "dev.json.damaged").read_text() == ""


def test_a_damaged_state_whose_writer_lives_is_left_to_it(
    tmp_path: Path, damage: StateDamaged
) -> None:
    lock_of = {"username": "ada", "timestamp": "2026-11-21T21:51:51Z"}
    file = damage.lock_dir / "one.json"
    file.write_text(json.dumps({**lock_of, "pid": os.getpid(), "hostname": socket.gethostname()}))
    asked: list[str] = []
    with pytest.raises(GateClosed, match=f"process {os.getpid()} of ada"):
        recovery(tmp_path, asked)._put_back(StackDamaged(damage))
    assert (asked, damage.file.read_text()) == ([], "")
    for pid, host in ((dead_pid(), socket.gethostname()), (os.getpid(), "another.example")):
        damage.file.write_text("")
        file.write_text(json.dumps({**lock_of, "pid": pid, "hostname": host}))
        assert recovery(tmp_path, asked)._put_back(StackDamaged(damage))


def test_a_damaged_state_without_a_copy_is_told(tmp_path: Path, damage: StateDamaged) -> None:
    alone = StateDamaged("dev", file=damage.file, copy=None, lock_dir=damage.lock_dir)
    with pytest.raises(StackDamaged, match="no whole copy"):
        recovery(tmp_path, [])._put_back(StackDamaged(alone))


def test_an_entry_that_would_delete_what_is_in_use_goes_and_no_other(tmp_path: Path) -> None:
    live = {"urn": f"urn:pulumi:dev::p::{D1}::database", "type": D1, "id": "db-1"}
    doomed = {**live, "delete": True}
    replaced = {**live, "id": "db-0", "delete": True}
    # What has no id is no resource of a provider, and two of a type are two.
    part = {"urn": "urn:pulumi:dev::p::x:Part::part", "type": "x:Part"}
    driver = Driver([live, doomed, replaced])
    dropped = recovery(tmp_path, [])._drop(cast(StackDriver, driver))
    assert dropped == ("the deletion of database (db-1), in use",)
    assert driver.document["deployment"] == {"manifest": {}, "resources": [live, replaced]}
    assert recovery(tmp_path, [])._drop(cast(StackDriver, driver)) == ()
    parts = Driver([part, {**part, "urn": "urn:pulumi:dev::p::x:Part::old", "delete": True}])
    assert recovery(tmp_path, [])._drop(cast(StackDriver, parts)) == ()


def test_the_report_says_what_was_done_and_what_is_next() -> None:
    nothing = RecoveryReport("dev", refreshed={"same": 3})
    assert nothing.is_empty
    assert nothing.lines() == ["There is nothing to recover in 'dev'."]
    done = RecoveryReport("dev", unlocked="ada at desk", pending=("creating worker",))
    assert done.lines()[-1] == "Continue where it stopped: notifyctl up --stack dev"
    assert "creating worker" in " ".join(done.lines())
    restored = RecoveryReport("dev", restored="/state/dev.json.bak")
    assert restored.lines()[0] == "The state is that of /state/dev.json.bak again."
    assert restored.document()["state_restored_from"] == "/state/dev.json.bak"
    assert not restored.is_empty
    corrected = RecoveryReport("dev", refreshed={"same": 3, "delete": 1})
    assert not corrected.is_empty
