"""What a start is made of: ports, locks, the record of a process, an account that runs nothing."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from localcloud import listening
from localcloud.empty_account import EmptyAccount
from localcloud.endpoints import Endpoints, Ports
from localcloud.errors import DiskFull, PortInUse, StartFailed, is_disk_full
from localcloud.file_lock import LockTaken, locked
from localcloud.process_record import Identity, ProcessRecord, end


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield int(held.getsockname()[1])


def test_ports_are_the_variables_over_those_kept_over_the_defaults(tmp_path: Path) -> None:
    kept = tmp_path / "ports.json"
    assert Ports.chosen(kept, {}) == Ports(8787, 8788, 8789)
    Ports(1, 2, 65535).keep(kept)
    before = kept.stat().st_mtime_ns
    Ports(1, 2, 65535).keep(kept)
    assert kept.stat().st_mtime_ns == before, "what stands there already is not written again"
    chosen = {"NOTIFICATION_LOCAL_EDGE_PORT": "0", "NOTIFICATION_LOCAL_SINK_PORT": "65535"}
    assert Ports.chosen(kept, {**chosen, "NOTIFICATION_LOCAL_CONTROL_PORT": ""}) == Ports(
        1, 0, 65535
    )
    for ports in (Ports(0, 5, 6), Ports(5, 0, 6), Ports(5, 6, 0)):
        ports.keep(kept)
    assert Ports.chosen(kept, {}) == Ports(1, 2, 65535)
    Ports(5, 6, 7).keep(kept)
    assert json.loads(kept.read_text()) == {"control": 5, "edge": 6, "sink": 7}


@pytest.mark.parametrize("text", ["65536", "-1", "x", "1.0", "\u0663x"])
def test_a_variable_that_is_no_port_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"^NOTIFICATION_LOCAL_SINK_PORT is .* from 0 to 65535"):
        Ports.chosen(tmp_path / "none", {"NOTIFICATION_LOCAL_SINK_PORT": text})


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[1, 2, 3]",
        '{"control": 1, "edge": 2}',
        '{"control": 1, "edge": 2, "sink": 0}',
        '{"control": 1, "edge": 2, "sink": 65536}',
        '{"control": 1, "edge": 2, "sink": true}',
        '{"control": 1, "edge": 2, "sink": "3"}',
    ],
)
def test_a_damaged_file_of_ports_is_named(tmp_path: Path, document: str) -> None:
    kept = tmp_path / "ports.json"
    kept.write_text(document)
    with pytest.raises(ValueError, match="remove it, and choose ports anew"):
        Ports.chosen(kept, {})


def test_a_running_cloud_satisfies_the_ports_that_are_asked_for_and_any_for_0() -> None:
    there = Ports(1, 2, 3)
    assert Ports(1, 2, 3).agrees_with(there)
    assert Ports(0, 0, 0).agrees_with(there)
    for other in (Ports(4, 2, 3), Ports(1, 4, 3), Ports(1, 2, 4)):
        assert not other.agrees_with(there)


def test_addresses_are_of_this_machine_and_the_token_is_never_shown() -> None:
    found = Endpoints.on(Ports(1, 2, 3), api_token="secret")
    assert found.public() == {
        "control_url": "http://127.0.0.1:1/client/v4",
        "service_url": "http://127.0.0.1:2",
        "sink_url": "http://127.0.0.1:3",
        "account_id": "0" * 31 + "1",
    }


def test_a_taken_port_is_told_with_its_owner_and_a_free_one(taken: int) -> None:
    with pytest.raises(PortInUse) as refused:
        listening.require_free({"control": 0, "edge": taken, "sink": 0})
    name = psutil.Process().name()
    assert f"{taken} by process {os.getpid()} ({name})" in str(refused.value)
    option = re.search(r"--edge-port (\d+)", str(refused.value))
    assert option is not None
    free = int(option[1])
    assert free >= 1024
    assert free != taken
    listening.require_free({"edge": free})
    with pytest.raises(PortInUse, match=str(taken)):
        listening.listen("sink", taken)


def test_ports_that_are_offered_differ_from_each_other_and_from_those_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "_is_free", lambda port: port != 20_003)
    monkeypatch.setattr(listening, "_owner", lambda port: "")
    ports = {"control": 10_000, "edge": 10_001}
    told = str(listening.ports_in_use(ports, besides=[20_000, 20_002]))
    assert "--control-port 20001 --edge-port 20004" in told
    high = str(listening.ports_in_use({"sink": 55_536 + 500}))
    assert "--sink-port 1024" in high


def test_one_port_for_two_is_refused_with_both_options() -> None:
    with pytest.raises(StartFailed) as refused:
        listening.require_free({"control": 7, "edge": 8, "sink": 7})
    assert str(refused.value).startswith(
        "The ports of control and sink are both 7: give each its own, by --control-port "
        "--sink-port."
    )


def test_a_port_that_is_taken_is_listened_on() -> None:
    with listening.listen("edge", 0) as made:
        assert made.getsockname()[0] == "127.0.0.1"
        assert made.getblocking() is False
        socket.create_connection(made.getsockname()).close()


def test_a_lock_is_held_by_one_and_given_back(tmp_path: Path) -> None:
    file, waits = tmp_path / "lock", []
    with (
        locked(file, seconds=0),
        pytest.raises(LockTaken, match=str(file)),
        locked(file, seconds=0, on_wait=lambda: waits.append(1)),
    ):
        raise AssertionError
    assert waits == [1]
    with locked(file, seconds=0, on_wait=lambda: waits.append(2)):
        assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert waits == [1]


def test_a_lock_is_waited_for_and_the_wait_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, waits = tmp_path / "lock", []
    holder = locked(file, seconds=0)
    holder.__enter__()
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            holder.__exit__(None, None, None)

    monkeypatch.setattr("localcloud.file_lock.time.sleep", pause)
    with locked(file, seconds=60, on_wait=lambda: waits.append(1)):
        assert (len(pauses), waits) == (3, [1])


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    program = (
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('asked', flush=True)))\n"
        "print('up', flush=True)\n"
        "sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    yield child
    child.kill()
    child.communicate()


def test_a_process_is_the_recorded_one_by_its_start(sleeper: subprocess.Popen[bytes]) -> None:
    own = Identity.of(sleeper.pid)
    assert own is not None
    assert own.process() is not None
    for other in (1.4, -1.4):
        assert replace(own, started=own.started + other).process() is not None
    for other in (1.6, -1.6):
        assert replace(own, started=own.started + other).process() is None
    sleeper.kill()
    while psutil.Process(sleeper.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert own.process() is None, "a process that nobody has waited for is dead"
    sleeper.wait()
    assert own.process() is None
    assert Identity.of(sleeper.pid) is None


@pytest.mark.parametrize("ask", [True, False])
def test_a_recorded_process_is_ended(sleeper: subprocess.Popen[bytes], ask: bool) -> None:
    own = Identity.of(sleeper.pid)
    assert own is not None
    end(None, grace_s=0)
    end(replace(own, started=own.started - 100), grace_s=0)
    assert sleeper.poll() is None
    end(own, grace_s=5 if ask else 0.01, ask=ask)
    assert sleeper.stdout is not None
    assert sleeper.stdout.read() == (b"asked\n" if ask else b"")


def test_a_record_is_read_back_and_a_damaged_one_is_none(tmp_path: Path) -> None:
    file = tmp_path / "daemon.json"
    assert ProcessRecord.read(file) is None
    for host in (None, Identity(7, 8.5)):
        record = ProcessRecord("ready", Identity(5, 6.5), Ports(1, 2, 3), host)
        record.write(file)
        assert ProcessRecord.read(file) == record
    document = json.loads(file.read_text())
    broken: list[Any] = ["{", "[]", json.dumps({**document, "server": {"pid": 1}})]
    broken += [json.dumps({k: v for k, v in document.items() if k != gone}) for gone in document]
    for text in broken:
        file.write_text(text)
        assert ProcessRecord.read(file) is None


def test_an_empty_account_answers_and_runs_nothing(tmp_path: Path) -> None:
    with EmptyAccount(tmp_path) as endpoints:
        headers = {"authorization": f"Bearer {endpoints.api_token}"}
        base = f"{endpoints.control_url}/accounts/{endpoints.account_id}"
        with httpx.Client(headers=headers, trust_env=False) as client:
            listed = client.get(f"{base}/workers/scripts").json()
            assert (listed["success"], listed["result"]) == (True, [])
            refused = client.post(f"{base}/d1/database", json={"name": "d"})
            assert refused.status_code >= 500
        assert endpoints.service_url == "http://127.0.0.1:65535"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{base}/workers/scripts", headers=headers, trust_env=False)


@pytest.mark.parametrize(
    ("taken", "told"),
    [
        (["1 by x"], "Port 1 by x on 127.0.0.1 is taken."),
        (["1", "2"], "Ports 1 and 2 on 127.0.0.1 are taken."),
        (["1", "2", "3"], "Ports 1, 2 and 3 on 127.0.0.1 are taken."),
    ],
)
def test_taken_ports_are_told_in_one_sentence_with_the_way_out(taken: list[str], told: str) -> None:
    text = str(PortInUse.on(taken, "--edge-port 5"))
    assert text.startswith(f"{told} Start the local cloud on other ports")
    assert text.endswith(".venv/bin/notifyctl local start --edge-port 5")


def test_an_error_keeps_its_public_kind_and_a_full_disk_is_told() -> None:
    class Own(StartFailed):
        """A kind of this package's own."""

    assert (Own("x").kind, PortInUse("x").kind) == ("StartFailed", "PortInUse")
    assert is_disk_full(OSError(errno.ENOSPC, "x"))
    assert is_disk_full(OSError(errno.EDQUOT, "x"))
    assert not is_disk_full(OSError(errno.EACCES, "x"))
    assert is_disk_full(sqlite3.OperationalError("database or disk is full"))
    assert not is_disk_full(sqlite3.OperationalError("locked"))
    assert not is_disk_full(ValueError("disk is full"))
    assert "/place is full: free some space" in str(DiskFull.at(Path("/place")))
