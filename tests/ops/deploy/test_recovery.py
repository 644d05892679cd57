"""What a recovery does to a lock and to entries that would delete what is in use."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.errors import StateDamaged
from ops.deploy import recovery as module
from ops.deploy.recovery import Recovery, RecoveryReport
from ops.stacks.driver import StackDriver, StackUpdate
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


class Whole(Driver):
    """A stack whose refresh a test sets, which notes what happens to it."""

    def __init__(self, **deployment: Any) -> None:
        super().__init__()
        self.document = {"version": 3, "deployment": {"manifest": {}, **deployment}}
        self.lock: StackLocked | None = None
        self.damage: StackDamaged | None = None
        self.refreshed: list[bool] = []

    def export(self) -> Mapping[str, Any]:
        if self.damage is not None:
            damage, self.damage = self.damage, None
            raise damage
        return self.document

    def refresh(self, _show: Any, *, clear_pending_creates: bool) -> StackUpdate:
        self.refreshed.append(clear_pending_creates)
        if self.lock is not None:
            found, self.lock = self.lock, None
            raise found
        return StackUpdate("refresh", {"same": 3, "update": 1})


def recovered(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    driver: Whole,
    *,
    config: str = "{}",
    plan: Any = None,
) -> tuple[RecoveryReport, list[Any]]:
    """The report of a recovery, and what was called beside the driver."""
    calls: list[Any] = []
    found = plan or SimpleNamespace(adopted=(), consumers=(), lines=list)
    adoption = SimpleNamespace(
        plan=lambda: found, run=lambda _, *, verify: calls.append(("import", verify))
    )

    def kept(*given: Any) -> str:
        calls.append(given[1:])
        return "kept.json"

    monkeypatch.setattr(module, "choose_driver", lambda _: driver)
    monkeypatch.setattr(module, "start_local_cloud", lambda *_: calls.append("started"))
    monkeypatch.setattr(module, "keep_state", kept)
    monkeypatch.setattr(module, "Adoption", lambda *_: adoption)
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config: {config}\n")
    context = context_of(tmp_path, "dev", environment={})
    report = Recovery(context, calls.append, calls.append).run(verify=False)
    return report, calls


def test_a_recovery_keeps_refreshes_and_imports_in_that_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pending = [{"type": "creating", "resource": {"urn": "a::b::queue"}}, {}]
    driver = Whole(pending_operations=pending)
    queue = SimpleNamespace(kind=SimpleNamespace(title="queue"), name="retry", id="q1")
    plan = SimpleNamespace(
        adopted=(queue,), consumers=(SimpleNamespace(queue="retry"),), lines=lambda: ["a line"]
    )
    report, calls = recovered(monkeypatch, tmp_path, driver, plan=plan)
    assert calls == [("dev", driver.document), ("import", False)]
    assert driver.refreshed == [True]
    assert report.document() == {
        "stack": "dev",
        "state_restored_from": None,
        "unlocked": None,
        "state_kept": "kept.json",
        "pending_operations": ["creating queue", "changing a resource"],
        "entries_dropped": [],
        "refreshed": {"same": 3, "update": 1},
        "imported": ["the queue retry (q1)", "the place of retry's consumer"],
    }


@pytest.mark.parametrize(
    ("adopted", "consumers", "imports"),
    [((), (), False), ((), (SimpleNamespace(queue="retry"),), True)],
)
def test_an_import_is_made_where_there_is_something_to_import(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, adopted: Any, consumers: Any, imports: bool
) -> None:
    plan = SimpleNamespace(adopted=adopted, consumers=consumers, lines=list)
    _, calls = recovered(monkeypatch, tmp_path, Whole(), plan=plan)
    assert (("import", False) in calls) is imports


def test_an_access_stack_imports_nothing_and_a_local_ones_cloud_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = SimpleNamespace(adopted=("x",), consumers=(), lines=list)
    config = (
        "{cloudflare:baseUrl: 'http://127.0.0.1:9/client/v4',"
        " notification-system:manageAccess: true}"
    )
    report, calls = recovered(monkeypatch, tmp_path, Whole(), config=config, plan=plan)
    assert calls[0] == "started"
    assert ("import", False) not in calls
    assert report.imported == ()


def test_a_locked_stack_is_unlocked_and_refreshed_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driver = Whole()
    driver.lock = lock("elsewhere", 7)
    report, calls = recovered(monkeypatch, tmp_path, driver)
    assert driver.refreshed == [True, True]
    assert driver.unlocked == 1
    assert report.unlocked == "ada at elsewhere (process 7, since 2026-11-21T21:51:51Z)"
    assert "This removes the lock of ada at elsewhere" in calls[1]


def test_a_damaged_state_is_put_back_before_it_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driver = Whole()
    driver.damage = StackDamaged(cast(Any, SimpleNamespace(file="f", copy="c")))
    monkeypatch.setattr(Recovery, "_put_back", lambda *_: "copy.json")
    report, calls = recovered(monkeypatch, tmp_path, driver)
    assert report.restored == "copy.json"
    assert calls == [("dev", driver.document)]
