"""What stands in the way of a start is told in one sentence, with the way out."""

from __future__ import annotations

import errno
import os
import re
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from localcloud.__main__ import main
from localcloud.daemon import LocalCloud
from localcloud.endpoints import Ports
from localcloud.errors import DiskFull, NodeMissing, PortInUse, StartFailed, is_disk_full
from localcloud.home import CloudHome
from tests.installation import free_ports

FAKE = [sys.executable, str(Path(__file__).with_name("fake_host.py"))]
ANY = Ports(0, 0, 0)


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
    assert f"Port {port} by process {os.getpid()} " in text
    assert re.search(rf" local start --{name}-port \d+$", text)
    assert "\n" not in text


def test_all_taken_ports_are_told_at_once_with_one_command_that_works(tmp_path: Path) -> None:
    with ExitStack() as holding:
        taken = [holding.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        ports = [each.getsockname()[1] for each in taken]
        cloud = LocalCloud(tmp_path / "home", Ports(*ports), host_command=FAKE)
        with pytest.raises(PortInUse) as caught:
            cloud.start()
        text = str(caught.value)
        assert [port for port in ports if f"{port} by process {os.getpid()} " in text] == ports
        options = text.rpartition(" local start ")[2].split()
        fake = [f"--host-command={part}" for part in FAKE]
        home = ["--home", str(tmp_path / "home")]
        try:
            assert main(["start", *options, *home, *fake]) == 0
            given = Ports(*map(int, options[1::2]))
            # The next start knows them, without an option or a variable.
            assert Ports.chosen(CloudHome(tmp_path / "home").ports, {}) == given
        finally:
            cloud.stop()


def test_ports_are_kept_until_the_data_is_erased(tmp_path: Path) -> None:
    [control, edge, sink, other] = free_ports(4)
    kept = CloudHome(tmp_path).ports
    cloud = LocalCloud(tmp_path, Ports(control, edge, sink), host_command=FAKE)
    cloud.start()
    cloud.stop()
    assert Ports.chosen(kept, {}) == Ports(control, edge, sink)
    variable = {"NOTIFICATION_LOCAL_EDGE_PORT": str(other)}
    assert Ports.chosen(kept, variable) == Ports(control, other, sink)
    cloud.erase()
    assert Ports.chosen(kept, {}) == Ports()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"control": 1}', '{"control": 1, "edge": 2, "sink": "3"}']
)
def test_a_damaged_file_of_ports_is_named_and_not_taken_for_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ports.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"ports\.json .*remove it"):
        Ports.chosen(file, {})


def test_a_cloud_that_runs_stays_where_a_start_on_other_ports_cannot_be(tmp_path: Path) -> None:
    home = tmp_path / "home"
    running = LocalCloud(home, ANY, host_command=FAKE)
    running.start()
    try:
        before = running.status()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            wanted = Ports(control=0, edge=taken.getsockname()[1], sink=0)
            with pytest.raises(PortInUse):
                LocalCloud(home, wanted, host_command=FAKE).start()
        assert running.status() == before
        assert before["state"] == "ready"
    finally:
        running.stop()


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
    assert " local start --edge-port " in ended.stderr
    assert "Traceback" not in ended.stderr


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


def test_state_that_cannot_be_written_ends_in_one_sentence(tmp_path: Path) -> None:
    """A limit on the size of files: SQLite can't write its pages."""
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
    *_, told = ended.stderr.strip().splitlines()
    assert f"The state in {home}/cloud can't be used" in told


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


def test_a_state_that_another_host_still_holds_is_waited_for(tmp_path: Path) -> None:
    """The first two hosts end with the code for a held state, the third one starts."""
    script = tmp_path / "host.py"
    script.write_text(
        "import pathlib, runpy, sys\n"
        f"seen = pathlib.Path({str(tmp_path / 'seen')!r})\n"
        "count = len(seen.read_text()) if seen.exists() else 0\n"
        "seen.write_text('x' * (count + 1))\n"
        "if count < 2: sys.exit(4)\n"
        f"runpy.run_path({FAKE[1]!r}, run_name='__main__')\n"
    )
    cloud = LocalCloud(tmp_path / "home", ANY, host_command=[sys.executable, str(script)])
    try:
        cloud.start()
        assert (tmp_path / "seen").read_text() == "xxx"
        assert cloud.status()["state"] == "ready"
    finally:
        cloud.erase()
