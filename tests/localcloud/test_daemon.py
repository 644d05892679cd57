"""Starting, stopping and erasing the cloud from another process, whatever happened before."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Endpoints, Ports
from localcloud.errors import StartFailed
from localcloud.home import CloudHome
from localcloud.process_record import Identity, ProcessRecord
from tests.localcloud.running_cloud import until

FAKE = [sys.executable, str(Path(__file__).with_name("fake_host.py"))]
ANY = Ports(0, 0, 0)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    """A cloud that isn't running, with the fake host; it is ended afterwards."""
    found = LocalCloud(tmp_path / "home", ANY, host_command=FAKE)
    yield found
    found.erase()


def record(tmp_path: Path) -> ProcessRecord:
    """Who runs the cloud."""
    found = ProcessRecord.read(CloudHome(tmp_path / "home").record)
    assert found is not None
    return found


def create_queue(endpoints: Endpoints, name: str) -> None:
    """Something to find again."""
    response = httpx.post(
        f"{endpoints.control_url}/accounts/{endpoints.account_id}/queues",
        json={"queue_name": name},
        headers={"Authorization": f"Bearer {endpoints.api_token}"},
        trust_env=False,
    )
    assert response.status_code == 200, response.text


def queues(endpoints: Endpoints) -> int:
    """How many queues the account has."""
    root = endpoints.control_url.removesuffix("/client/v4")
    found: int = httpx.get(f"{root}/local/state", trust_env=False).json()["queues"]
    return found


def test_a_start_tells_its_steps_and_a_second_one_finds_it_running(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    steps: list[str] = []
    first = cloud.start(on_step=steps.append)
    pid = record(tmp_path).server.pid
    assert steps == ["opening the state", "starting the runtime"]
    assert cloud.start() == first
    assert record(tmp_path).server.pid == pid
    assert cloud.status() == {"state": "ready", "pid": pid, **first.public()}
    assert first.api_token not in str(cloud.status())


def test_stopping_keeps_the_data_and_erasing_removes_it(cloud: LocalCloud, tmp_path: Path) -> None:
    endpoints = cloud.start()
    create_queue(endpoints, "jobs")
    host = record(tmp_path).host
    assert cloud.stop() is True
    assert cloud.stop() is False
    assert cloud.status() == {"state": "stopped"}
    assert host is not None
    assert host.process() is None
    again = cloud.start()
    assert (queues(again), again.api_token) == (1, endpoints.api_token)
    cloud.erase()
    assert not CloudHome(tmp_path / "home").cloud.exists()
    assert queues(cloud.start()) == 0


def test_secrets_and_state_are_for_their_owner_only(cloud: LocalCloud, tmp_path: Path) -> None:
    endpoints = cloud.start()
    home = CloudHome(tmp_path / "home")
    assert len(endpoints.api_token) == 40
    assert endpoints.api_token.isalnum()
    for path, mode in (
        (home.token_file, 0o600),
        (home.database, 0o600),
        (home.broker_database, 0o600),
        (home.record, 0o600),
        (home.cloud, 0o700),
    ):
        assert stat.S_IMODE(path.stat().st_mode) == mode, path
    command = " ".join(psutil.Process(record(tmp_path).server.pid).cmdline())
    assert endpoints.api_token not in command


def test_a_killed_server_leaves_nothing_in_the_way(cloud: LocalCloud, tmp_path: Path) -> None:
    endpoints = cloud.start()
    create_queue(endpoints, "jobs")
    before = record(tmp_path)
    os.kill(before.server.pid, signal.SIGKILL)
    until(lambda: before.server.process() is None)
    assert cloud.status() == {"state": "stopped"}
    assert queues(cloud.start()) == 1
    assert before.host is not None
    until(lambda: before.host is None or before.host.process() is None)


def test_a_killed_host_comes_back_and_is_remembered(cloud: LocalCloud, tmp_path: Path) -> None:
    endpoints = cloud.start()
    before = record(tmp_path)
    assert before.host is not None
    os.kill(before.host.pid, signal.SIGKILL)
    until(lambda: record(tmp_path).host not in {before.host, None})
    until(lambda: cloud.status()["state"] == "ready")
    assert record(tmp_path).server == before.server
    assert queues(endpoints) == 0


def test_a_record_of_another_process_with_the_same_pid_is_not_trusted(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    home = CloudHome(tmp_path / "home")
    home.create()
    stranger = Identity(os.getpid(), 1.0)
    ProcessRecord("ready", stranger, Ports(1, 2, 3), stranger).write(home.record)
    assert cloud.status() == {"state": "stopped"}
    assert queues(cloud.start()) == 0  # and this process still lives


def test_a_record_that_is_cut_off_is_ignored(cloud: LocalCloud, tmp_path: Path) -> None:
    home = CloudHome(tmp_path / "home")
    home.create()
    for content in ("", "{", '{"state": "ready"}', "[]"):
        home.record.write_text(content)
        assert cloud.status() == {"state": "stopped"}
    assert queues(cloud.start()) == 0


def test_two_starts_at_the_same_time_make_one_cloud(cloud: LocalCloud, tmp_path: Path) -> None:
    found: list[Endpoints] = []
    others = [LocalCloud(tmp_path / "home", ANY, host_command=FAKE) for _ in range(2)]
    threads = [threading.Thread(target=lambda c=c: found.append(c.start())) for c in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 2
    assert found[0] == found[1]


def test_a_start_that_lost_its_starter_is_taken_over(cloud: LocalCloud, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "localcloud", "start", "--home", str(tmp_path / "home")]
    for name in ("control", "edge", "sink"):
        command += [f"--{name}-port", "0"]
    command += [f"--host-command={part}" for part in FAKE]
    starter = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(CloudHome(tmp_path / "home").record.exists)
    starter.kill()
    starter.wait()
    assert queues(cloud.start()) == 0


def test_other_ports_move_a_running_cloud(cloud: LocalCloud, tmp_path: Path) -> None:
    first = cloud.start()
    create_queue(first, "jobs")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    second = LocalCloud(tmp_path / "home", Ports(port, 0, 0), host_command=FAKE).start()
    assert second.control_url == f"http://127.0.0.1:{port}/client/v4"
    assert queues(second) == 1


def test_a_server_that_is_killed_while_it_starts_leaves_nothing_in_the_way(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    path = CloudHome(tmp_path / "home").record
    starting = threading.Thread(target=_start_and_ignore, args=(cloud,))
    starting.start()
    until(lambda: (found := ProcessRecord.read(path)) and found.host)
    os.kill(record(tmp_path).server.pid, signal.SIGKILL)
    starting.join(60)
    assert queues(cloud.start()) == 0


def _start_and_ignore(cloud: LocalCloud) -> None:
    with contextlib.suppress(StartFailed):
        cloud.start()
