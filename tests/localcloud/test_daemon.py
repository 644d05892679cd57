"""Starting, stopping and erasing the cloud from another process, whatever happened before."""

from __future__ import annotations

import errno
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

from localcloud.__main__ import main
from localcloud.daemon import LocalCloud
from localcloud.endpoints import Endpoints, Ports
from localcloud.errors import DiskFull, NodeMissing, PortInUse, StartFailed, is_disk_full
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


@pytest.mark.parametrize("name", ["control", "edge", "sink"])
def test_a_taken_port_is_told_with_its_owner_and_the_way_out(tmp_path: Path, name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = Ports(**{"control": 0, "edge": 0, "sink": 0, name: port})
        cloud = LocalCloud(tmp_path / "home", ports, host_command=FAKE)
        with pytest.raises(PortInUse) as caught:
            cloud.start()
    text = str(caught.value)
    assert f"Port {port} " in text
    assert f"--{name}-port" in text
    assert f"NOTIFICATION_LOCAL_{name.upper()}_PORT" in text
    assert f"process {os.getpid()} " in text
    assert "\n" not in text


def test_a_port_that_is_taken_between_the_check_and_the_start_is_told_too(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = ["--control-port", "0", "--sink-port", "0"]
        ports += ["--edge-port", str(taken.getsockname()[1])]
        fake = [f"--host-command={part}" for part in FAKE]
        command = [sys.executable, "-m", "localcloud", "serve", "--home", str(tmp_path), *ports]
        ended = subprocess.run([*command, *fake], capture_output=True, timeout=60, text=True)
    assert ended.returncode == 1
    assert "NOTIFICATION_LOCAL_EDGE_PORT" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_other_ports_move_a_running_cloud(cloud: LocalCloud, tmp_path: Path) -> None:
    first = cloud.start()
    create_queue(first, "jobs")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    second = LocalCloud(tmp_path / "home", Ports(port, 0, 0), host_command=FAKE).start()
    assert second.control_url == f"http://127.0.0.1:{port}/client/v4"
    assert queues(second) == 1


def test_a_missing_or_old_node_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = LocalCloud(tmp_path / "home", ANY)
    tools = tmp_path / "bin"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(NodeMissing, match="Node isn't on the PATH: install Node 20"):
        cloud.start()
    old = tools / "node"
    old.write_text("#!/bin/sh\necho v18.19.0\n")
    old.chmod(0o755)
    with pytest.raises(NodeMissing, match=r"Node v18\.19\.0 at .* is too old"):
        cloud.start()


def test_a_host_that_ends_at_once_is_told_with_its_reason(tmp_path: Path) -> None:
    script = 'import sys; sys.stderr.write(\'{"error": "broken"}\'); sys.exit(1)'
    cloud = LocalCloud(tmp_path / "home", ANY, host_command=[sys.executable, "-c", script])
    with pytest.raises(StartFailed, match=r"ended with code 1 \(broken\)"):
        cloud.start()
    assert cloud.status() == {"state": "stopped"}


def test_a_full_disk_is_recognised_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    assert is_disk_full(sqlite3.OperationalError("database or disk is full"))
    assert is_disk_full(OSError(errno.ENOSPC, "No space left on device"))
    assert not is_disk_full(sqlite3.OperationalError("no such table: t"))

    def full(_: CloudHome) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(CloudHome, "create", full)
    with pytest.raises(DiskFull, match="is full: free some space"):
        LocalCloud(tmp_path / "home", ANY, host_command=FAKE).start()


def test_a_real_full_disk_ends_in_one_sentence(tmp_path: Path) -> None:
    """A size limit on files stands for the disk: SQLite can't grow, whatever the cause."""
    home = tmp_path / "home"
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000));"
        "from localcloud.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    ports = ["--control-port", "0", "--edge-port", "0", "--sink-port", "0"]
    ended = subprocess.run(
        [sys.executable, "-c", limited, "serve", "--home", str(home), *ports],
        capture_output=True,
        timeout=60,
        text=True,
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) <= 2


@pytest.mark.parametrize("value", ["x", "-1", "65536"])
def test_a_port_in_the_environment_that_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("NOTIFICATION_LOCAL_SINK_PORT", value)
    with pytest.raises(StartFailed, match="NOTIFICATION_LOCAL_SINK_PORT"):
        LocalCloud(tmp_path / "home")


def test_the_command_line_says_what_the_daemon_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ["--home", str(tmp_path / "home"), "--json"]
    assert main(["status", *home]) == 0
    assert capsys.readouterr().out.strip() == '{"state": "stopped"}'
    assert main(["stop", *home]) == 0
    assert main(["erase", *home]) == 0
    with pytest.raises(SystemExit):
        main(["start", *home, "--control-port", "70000"])
