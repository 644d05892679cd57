"""`notifyctl unlock`: as a process, on a lock that another holds, and where nobody is named."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from ops.stacks.errors import UsageError
from tests.installation import Installation
from tests.ops.cli.in_process import Commands, failed_with

LOCKS = Path("pulumi", ".pulumi", "locks", "organization", "notification-system", "local")


@pytest.fixture
def stack(tmp_path: Path) -> Installation:
    """A stack that was never deployed; its lock folder is there."""
    made = Installation(tmp_path)
    (made.home / LOCKS).mkdir(parents=True)
    return made


@pytest.fixture
def holder(stack: Installation) -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives and holds the lock."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        content = {
            "pid": process.pid,
            "username": "ada",
            "hostname": socket.gethostname(),
            "timestamp": "2999-01-01T00:00:00Z",
        }
        (stack.home / LOCKS / "one.json").write_text(json.dumps(content))
        yield process
        process.kill()


def locks(stack: Installation) -> list[str]:
    return sorted(os.listdir(stack.home / LOCKS))


def test_the_lock_of_a_living_process_is_shown_and_goes_only_when_it_is_confirmed(
    stack: Installation, holder: subprocess.Popen[bytes]
) -> None:
    refused = stack.ctl("unlock", "--stack", "local")
    assert refused.returncode == 2
    assert f"Locked by process {holder.pid} of ada on {socket.gethostname()}" in refused.stdout
    assert "since 2999-01-01" in refused.stdout
    assert locks(stack) == ["one.json"]

    done = stack.ctl_json("unlock", "--stack", "local", "--confirm", "local")
    assert done["removed"] is True
    assert str(holder.pid) in done["holders"][0]
    assert locks(stack) == []
    assert holder.poll() is None

    again = stack.ctl_json("unlock", "--stack", "local")
    assert again == {"holders": [], "removed": False}


def test_an_empty_lock_that_a_full_disk_left_goes_too(stack: Installation) -> None:
    (stack.home / LOCKS / "empty.json").touch()
    shown = stack.ctl("unlock", "--stack", "local", "--confirm", "local")
    assert shown.returncode == 0, shown.stderr
    assert "it is damaged" in shown.stdout
    assert locks(stack) == []


@pytest.mark.parametrize("held_by", [None, ["ada"], []])
def test_a_lock_whose_holder_the_backend_does_not_name_is_removed_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, held_by: list[str] | None
) -> None:
    commands, unlocked = Commands(monkeypatch, tmp_path), list[str]()
    driver = SimpleNamespace(locks=lambda: held_by, unlock=lambda: unlocked.append("once"))
    commands.replace("unlock", choose_driver=lambda _: driver)
    refused = commands.run("unlock", "--stack", "dev")
    if held_by == []:
        assert refused.exception is None
    else:
        whose = "the lock, whose holder this backend doesn't name," if held_by is None else "it"
        told = failed_with(refused, UsageError)
        assert told.startswith(f"This removes {whose} from the state of 'dev': confirm it by")
    assert unlocked == []
    done = commands.run("unlock", "--stack", "dev", "--confirm", "dev", "--json")
    assert json.loads(done.stdout) == {"holders": held_by, "removed": held_by != []}
    assert unlocked == ["once"] * (held_by != [])
    shown = commands.run("unlock", "--stack", "dev", "--confirm", "dev").stdout
    assert ("Locked by ada" in shown) is bool(held_by)
