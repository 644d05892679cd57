"""What a recovery does to a lock and to entries that would delete what is in use."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from ops.deploy.recovery import Recovery, RecoveryReport
from ops.stacks.driver import StackDriver
from ops.stacks.errors import GateClosed, StackLocked, UsageError
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
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")

    def confirm(what: str) -> None:
        asked.append(what)
        if not agrees:
            raise UsageError("no")

    return Recovery(context_of(tmp_path, "dev"), confirm)


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


def test_an_entry_that_would_delete_what_is_in_use_goes_and_no_other(tmp_path: Path) -> None:
    live = {"urn": f"urn:pulumi:dev::p::{D1}::database", "type": D1, "id": "db-1"}
    doomed = {**live, "delete": True}
    replaced = {**live, "id": "db-0", "delete": True}
    driver = Driver([live, doomed, replaced])
    dropped = recovery(tmp_path, [])._drop(cast(StackDriver, driver))
    assert dropped == ("the deletion of database (db-1), in use",)
    assert driver.document["deployment"] == {"manifest": {}, "resources": [live, replaced]}
    assert recovery(tmp_path, [])._drop(cast(StackDriver, driver)) == ()


def test_the_report_says_what_was_done_and_what_is_next() -> None:
    nothing = RecoveryReport("dev", refreshed={"same": 3})
    assert nothing.is_empty
    assert nothing.lines() == ["There was nothing to recover in 'dev'."]
    done = RecoveryReport("dev", unlocked="ada at desk", pending=("creating worker",))
    assert done.lines()[-1] == "Go on where it stopped: notifyctl up --stack dev"
    assert "creating worker" in " ".join(done.lines())
    corrected = RecoveryReport("dev", refreshed={"same": 3, "delete": 1})
    assert not corrected.is_empty
