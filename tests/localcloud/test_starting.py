"""A start and its end in this process: the host's handshake, the server's turn, the commands."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import signal
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud import __main__ as command
from localcloud import daemon, host_process, serving
from localcloud.daemon import LocalCloud
from localcloud.endpoints import Endpoints, Ports
from localcloud.errors import DiskFull, LocalCloudError, NodeMissing, PortInUse, StartFailed
from localcloud.file_lock import locked
from localcloud.home import CloudHome
from localcloud.host_process import HostOrder, NodeHost, node_command
from localcloud.process_record import Identity, ProcessRecord
from localcloud.serving import Serving
from tests.localcloud.running_cloud import FakeLauncher

ORDER = HostOrder("t", Path("/state"), 7, "http://broker", "b")
PORTS = Ports(1, 2, 3)


def launch(program: str) -> tuple[int, int]:
    async def run() -> tuple[int, int]:
        running = await NodeHost([sys.executable, "-c", program]).launch(ORDER)
        await running.stop()
        await running.wait()
        return running.control_port, running.edge_port

    return asyncio.run(run())


def test_an_order_is_one_line_with_the_hosts_names() -> None:
    base = {
        "token": "t",
        "stateDir": "/state",
        "edgePort": 7,
        "brokerUrl": "http://broker",
        "brokerToken": "b",
        "kvDelayMs": 0,
    }
    assert json.loads(ORDER.line()) == base
    assert ORDER.line().endswith(b"}\n")
    more = replace(ORDER, node_modules=Path("/n"), cache_dir=Path("/c"), kv_delay_ms=5)
    assert json.loads(more.line()) == {
        **base,
        "nodeModules": "/n",
        "cacheDir": "/c",
        "kvDelayMs": 5,
    }


def test_a_host_that_says_its_ports_runs_until_its_input_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    program = (
        "import json, sys\n"
        "order = json.loads(sys.stdin.readline())\n"
        "sys.stderr.write('x' * 2_000_000 + '\\nnext\\n')\n"
        "sys.stderr.flush()\n"
        "print(json.dumps({'controlPort': 11, 'edgePort': order['edgePort']}), flush=True)\n"
        "print('y' * 1_000_000, flush=True)\n"
        "sys.stdin.read()"
    )
    with caplog.at_level(logging.INFO, "localcloud.host"):
        assert launch(program) == (11, 7)


@pytest.mark.parametrize(
    ("said", "code", "kind", "words"),
    [
        ("", 5, StartFailed, "The runtime ended with code 5: see host.log in the cloud's log"),
        ('{"error": "no", "message": "why"}', 5, StartFailed, r"code 5 \(why\): see"),
        ('{"error": "no"}', 5, StartFailed, r"code 5 \(no\): see"),
        ('{"other": "no"}', 5, StartFailed, r"code 5: see"),
        ('["error"]', 5, StartFailed, r"code 5: see"),
        ('{"error": "taken", "port": 9}', 3, PortInUse, r"^Port 9\b"),
        ("", 3, PortInUse, r"^Port 7\b"),
    ],
)
def test_a_host_that_ends_is_told_with_its_reason(
    said: str, code: int, kind: type[LocalCloudError], words: str
) -> None:
    program = (
        f"import sys; sys.stdin.readline(); print({said!r}, file=sys.stderr); sys.exit({code})"
    )
    with pytest.raises(kind, match=words):
        launch(program)


def test_a_host_that_finds_the_state_held_is_started_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(host_process, "_HANDOVER_PAUSE", 0.0)
    tries = tmp_path / "tries"
    program = (
        "import pathlib, sys\n"
        f"tries = pathlib.Path({str(tries)!r})\n"
        "sys.stdin.readline()\n"
        "tries.write_text((tries.read_text() if tries.exists() else '') + 'x')\n"
        "if len(tries.read_text()) < 3: sys.exit(4)\n"
        'print(\'{"controlPort": 1, "edgePort": 2}\', flush=True)\n'
        "sys.stdin.read()"
    )
    assert launch(program) == (1, 2)
    assert tries.read_text() == "xxx"
    monkeypatch.setattr(host_process, "_HANDOVER_SECONDS", -1.0)
    with pytest.raises(StartFailed, match="code 4"):
        launch("import sys; sys.stdin.readline(); sys.exit(4)")


def test_a_host_that_says_nothing_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_process, "_HANDSHAKE_SECONDS", 0.01)
    with pytest.raises(StartFailed, match=r"said nothing for 0 seconds: see host\.log"):
        launch("import sys; sys.stdin.read()")


def test_a_host_that_does_not_leave_is_ended_by_force(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(host_process, "_EXIT_SECONDS", 0.1)
    asked = tmp_path / "asked"
    launch(
        "import pathlib, signal, sys, threading\n"
        f"asked = pathlib.Path({str(asked)!r})\n"
        "signal.signal(signal.SIGTERM, lambda *_: asked.write_text('asked'))\n"
        "sys.stdin.readline()\n"
        'print(\'{"controlPort": 1, "edgePort": 2}\', flush=True)\n'
        "while True: threading.Event().wait(60)"
    )
    assert asked.read_text() == "asked"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("v19.9.9", "Node v19.9.9 at .* is too old: install Node 20"),
        ("", "Node of an unknown version at .* is too old"),
        ("nonsense", "Node nonsense at .* is too old"),
        ("v20.0.0", ""),
        ("v100.1.0", ""),
    ],
)
def test_node_is_there_and_new_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, words: str
) -> None:
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\necho {said}\n")
    node.chmod(0o700)
    (tmp_path / "project" / "node_modules" / "workerd").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(host_process, "project_root", lambda: tmp_path / "project")
    if words:
        with pytest.raises(NodeMissing, match=words):
            asyncio.run(node_command())
        return
    found = asyncio.run(node_command())
    assert found[0] == str(node)
    assert found[1].endswith("/localcloud/host/main.mjs")
    monkeypatch.setattr(host_process, "project_root", lambda: tmp_path / "empty")
    with pytest.raises(NodeMissing, match="run `make install` in"):
        asyncio.run(node_command())


def test_a_machine_without_node_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NodeMissing, match="Node isn't on the PATH: install Node 20 or newer"):
        asyncio.run(node_command())


def serve(
    home: CloudHome, on_report: Callable[[dict[str, Any]], None] = lambda _: None
) -> tuple[int, list[dict[str, Any]]]:
    reports: list[dict[str, Any]] = []

    def report(document: dict[str, Any]) -> None:
        reports.append(document)
        on_report(document)

    return Serving(home, Ports(0, 0, 0), report, FakeLauncher()).run(), reports


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_tells_that_it_is_ready_and_ends_in_order(
    tmp_path: Path, number: signal.Signals
) -> None:
    home = CloudHome(tmp_path)
    records: list[ProcessRecord | None] = []

    def leave(document: dict[str, Any]) -> None:
        if "ready" in document:
            records.append(ProcessRecord.read(home.record))
            os.kill(os.getpid(), number)

    code, reports = serve(home, leave)
    [record] = records
    assert code == 0
    assert record is not None
    assert (record.state, record.server) == ("ready", Identity.of(os.getpid()))
    assert 0 not in (record.ports.control, record.ports.edge, record.ports.sink)
    assert reports[-1]["ready"]["control_url"] == (
        f"http://127.0.0.1:{record.ports.control}/client/v4"
    )
    assert not home.record.exists()


def test_a_server_that_is_told_to_leave_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    home = CloudHome(tmp_path)
    code, reports = serve(home, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    assert code == 0
    assert not any("ready" in each for each in reports)
    assert not home.record.exists()


def test_the_host_of_a_killed_server_is_given_time_and_not_asked_to_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[tuple[Identity | None, dict[str, Any]]] = []
    monkeypatch.setattr("localcloud.serving.end", lambda host, **how: ended.append((host, how)))
    home = CloudHome(tmp_path)
    home.create()
    killed = ProcessRecord("ready", Identity(2, 1.0), PORTS, Identity(3, 1.5))
    killed.write(home.record)
    serve(home, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    assert ended == [(Identity(3, 1.5), {"grace_s": 20.0, "ask": False})]


def test_a_report_to_a_parent_that_has_gone_is_dropped_and_so_is_what_follows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serving.json_lines({"step": "ü"})
    assert capsys.readouterr().out == '{"step": "\\u00fc"}\n'

    def gone(*_: object, **__: object) -> None:
        raise BrokenPipeError

    turned: list[tuple[object, int]] = []
    own = SimpleNamespace(
        devnull=os.devnull,
        O_WRONLY=os.O_WRONLY,
        open=lambda path, flags: (path, flags),
        dup2=lambda source, target: turned.append((source, target)),
    )
    monkeypatch.setattr(serving, "os", own)
    monkeypatch.setattr(serving, "print", gone, raising=False)
    serving.json_lines({"step": "x"})
    # Standard output leads nowhere from here on.
    assert turned == [((os.devnull, os.O_WRONLY), 1)]


def test_a_second_server_on_one_home_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcloud.serving._OTHER_SERVER_SECONDS", 0.0)
    home = CloudHome(tmp_path)
    home.create()
    with locked(home.serve_lock, seconds=0):
        code, reports = serve(home)
    assert code == 1
    assert reports == [
        {
            "error": {
                "kind": "StartFailed",
                "message": f"Another local cloud already serves {home.cloud}: stop that one first.",
            }
        }
    ]


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(errno.ENOSPC, "no space"), "DiskFull", "is full: free some space"),
        (OSError(errno.EACCES, "denied"), "StartFailed", "can't be used: [Errno 13] denied."),
        (NodeMissing("no node"), "NodeMissing", "no node"),
    ],
)
def test_what_keeps_a_server_from_starting_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str, words: str
) -> None:
    def fail(self: CloudHome) -> None:
        raise error

    monkeypatch.setattr(CloudHome, "create", fail)
    code, [report] = serve(CloudHome(tmp_path))
    assert (code, report["error"]["kind"]) == (1, kind)
    assert words in report["error"]["message"]


class Process:
    """A server that prints some lines, and writes its record before them."""

    lines: tuple[dict[str, Any], ...] = ()
    started: list[Any]
    ports: Ports | None = PORTS

    def __init__(self, arguments: list[str], **settings: Any) -> None:
        Process.started.append((arguments, settings))
        home = CloudHome(Path(arguments[arguments.index("--home") + 1]))
        if Process.ports is not None:
            own = Identity.of(os.getpid())
            assert own is not None
            ProcessRecord("ready", own, Process.ports).write(home.record)
        home.token_file.write_text("t" * 40)
        self.stdout = Lines(json.dumps(line).encode() for line in Process.lines)

    def wait(self) -> int:
        return 9


class Lines(list[bytes]):
    """A pipe."""

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> type[Process]:
    Process.started = []
    monkeypatch.setattr(Process, "lines", ({"step": "one"}, {"ready": {}}))
    monkeypatch.setattr("localcloud.daemon.subprocess.Popen", Process)
    monkeypatch.setattr(daemon, "require_free", lambda ports: None)
    monkeypatch.setattr(daemon, "_is_healthy", lambda endpoints: True)
    monkeypatch.setattr(daemon, "end", lambda identity, **_: None)
    return Process


def test_a_start_passes_ports_and_home_and_hears_the_steps(
    tmp_path: Path, spawned: type[Process]
) -> None:
    steps: list[str] = []
    cloud = LocalCloud(tmp_path, PORTS, host_command=["node", "x"])
    endpoints = cloud.start(steps.append)
    [(arguments, settings)] = spawned.started
    assert arguments == [
        *(sys.executable, "-m", "localcloud", "serve", "--json", "--home", str(tmp_path)),
        *("--control-port", "1", "--edge-port", "2", "--sink-port", "3"),
        *("--host-command=node", "--host-command=x"),
    ]
    assert settings["start_new_session"] is True
    assert (steps, endpoints.control_url) == (["one"], "http://127.0.0.1:1/client/v4")
    assert Ports.chosen(tmp_path / "ports.json", {}) == PORTS
    assert cloud.start(steps.append) == endpoints
    assert len(spawned.started) == 1, "what runs on these ports is taken as it is"
    other = LocalCloud(tmp_path, Ports(4, 2, 3))
    other.start()
    assert len(spawned.started) == 2
    assert LocalCloud(tmp_path).status()["state"] == "ready"


def test_a_start_that_is_under_way_is_waited_for_and_told_once(
    tmp_path: Path, spawned: type[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = CloudHome(tmp_path)
    steps: list[str] = []
    pauses: list[float] = []
    home.create()
    own = Identity.of(os.getpid())
    assert own is not None
    ProcessRecord("starting", own, PORTS).write(home.record)

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            ProcessRecord("ready", own, PORTS).write(home.record)

    monkeypatch.setattr("localcloud.daemon.time.sleep", pause)
    endpoints = LocalCloud(tmp_path, PORTS).start(steps.append)
    assert endpoints.service_url == "http://127.0.0.1:2"
    assert steps == ["waiting for a start that is under way"]
    assert (len(pauses), spawned.started) == (3, [])


def test_a_start_that_never_gets_ready_is_replaced(
    tmp_path: Path, spawned: type[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = CloudHome(tmp_path)
    home.create()
    own = Identity.of(os.getpid())
    assert own is not None
    ProcessRecord("starting", own, PORTS).write(home.record)
    monkeypatch.setattr(daemon, "_STARTING_SECONDS", -1.0)
    LocalCloud(tmp_path, PORTS).start()
    assert len(spawned.started) == 1


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ({"error": {"kind": "NodeMissing", "message": "m"}}, NodeMissing, "^m$"),
        ({"error": {"kind": "Surprise", "message": "m"}}, StartFailed, "^m$"),
        ({"step": "one"}, StartFailed, "ended with code 9 before it was ready: see .*server.err"),
    ],
)
def test_a_start_that_fails_is_told_in_the_servers_words(
    tmp_path: Path,
    spawned: type[Process],
    monkeypatch: pytest.MonkeyPatch,
    line: dict[str, Any],
    kind: type[LocalCloudError],
    words: str,
) -> None:
    monkeypatch.setattr(Process, "lines", (line,))
    monkeypatch.setattr(Process, "ports", None)
    with pytest.raises(kind, match=words):
        LocalCloud(tmp_path, PORTS).start()


def test_the_servers_errors_begin_anew_above_a_megabyte(
    tmp_path: Path, spawned: type[Process]
) -> None:
    home = CloudHome(tmp_path)
    home.create()
    errors = home.logs / "server.err"
    for size, left in ((1024 * 1024, 1024 * 1024), (1024 * 1024 + 1, 0)):
        errors.write_bytes(b"x" * size)
        home.record.unlink(missing_ok=True)
        LocalCloud(tmp_path, PORTS).start()
        assert errors.stat().st_size == left


def test_a_status_tells_what_the_record_and_the_cloud_say(
    tmp_path: Path, spawned: type[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud, home = LocalCloud(tmp_path, PORTS), CloudHome(tmp_path)
    assert cloud.status() == {"state": "stopped"}
    assert cloud.stop() is False
    home.create()
    own = Identity.of(os.getpid())
    assert own is not None
    ProcessRecord("starting", own, PORTS).write(home.record)
    assert cloud.status() == {"state": "starting", "pid": os.getpid()}
    ProcessRecord("ready", own, PORTS).write(home.record)
    assert cloud.status()["sink_url"] == "http://127.0.0.1:3"
    monkeypatch.setattr(daemon, "_is_healthy", lambda endpoints: False)
    assert cloud.status()["state"] == "unhealthy"
    assert cloud.stop() is True
    assert not home.record.exists()
    ProcessRecord("ready", replace(own, started=0.0), PORTS).write(home.record)
    assert cloud.status() == {"state": "stopped"}
    assert cloud.stop() is False
    assert not home.record.exists()


def test_erasing_takes_the_data_and_the_ports(tmp_path: Path, spawned: type[Process]) -> None:
    LocalCloud(tmp_path / "none", PORTS).erase()
    assert not (tmp_path / "none").exists()
    cloud = LocalCloud(tmp_path, PORTS)
    cloud.start()
    cloud.erase()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cloud.lock"]


def test_a_command_that_works_on_the_home_is_waited_for_so_long(
    tmp_path: Path, spawned: type[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "_LOCK_SECONDS", 0.0)
    steps: list[str] = []
    with (
        locked(CloudHome(tmp_path).start_lock, seconds=0),
        pytest.raises(StartFailed, match=f"has worked on {tmp_path} for 0 seconds"),
    ):
        LocalCloud(tmp_path, PORTS).start(steps.append)
    assert steps == ["waiting for another command on this state home"]


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [(errno.ENOSPC, DiskFull, "is full"), (errno.EROFS, StartFailed, "can't be written: said so.")],
)
def test_a_home_that_cannot_be_written_is_told(
    tmp_path: Path,
    spawned: type[Process],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[LocalCloudError],
    words: str,
) -> None:
    def fail(self: CloudHome) -> None:
        raise OSError(number, "said so")

    monkeypatch.setattr(CloudHome, "create", fail)
    with pytest.raises(kind, match=words):
        LocalCloud(tmp_path, PORTS).start()


class Cloud:
    """A cloud that keeps what a command asked of it."""

    asked: list[Any]

    def __init__(self, home: Path, ports: Ports, host_command: Any) -> None:
        Cloud.asked.append((home, ports, host_command))

    def start(self, on_step: Callable[[str], None]) -> Any:
        on_step("a step")
        return Endpoints.on(PORTS, api_token="secret")

    def stop(self) -> bool:
        return len(Cloud.asked) == 1

    def erase(self) -> None:
        Cloud.asked.append("erased")

    def status(self) -> dict[str, Any]:
        raise StartFailed("it is away")


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setattr(command, "LocalCloud", Cloud)
    for variable in ("CONTROL", "EDGE", "SINK"):
        monkeypatch.delenv(f"NOTIFICATION_LOCAL_{variable}_PORT", raising=False)
    Cloud.asked = []

    def called(*arguments: str) -> tuple[int, str, str]:
        code = command.main([*arguments, "--home", str(tmp_path)])
        return (code, *capsys.readouterr())

    return called


def test_each_command_says_what_it_did(run: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = run("start", "--edge-port", "0", "--host-command=x")
    assert (code, err) == (0, "a step\n")
    assert out.splitlines()[0] == "control_url: http://127.0.0.1:1/client/v4"
    assert "secret" not in out
    assert Cloud.asked[0][1:] == (Ports(8787, 0, 8789), ["x"])
    assert json.loads(run("start", "--json")[1])["service_url"] == "http://127.0.0.1:2"
    Cloud.asked = []
    assert run("stop") == (0, "stopped\n", "")
    assert run("stop") == (0, "it wasn't running\n", "")
    assert run("stop", "--json") == (0, '{"stopped": false}\n', "")
    assert run("erase") == (0, "erased\n", "")
    assert Cloud.asked[-1] == "erased"
    assert run("status") == (1, "it is away\n", "")
    found = json.loads(run("status", "--json")[1])
    assert found == {"error": {"kind": "StartFailed", "message": "it is away"}}


@pytest.mark.parametrize("port", ["65536", "-1", "x"])
def test_a_port_that_is_none_is_refused(run: Callable[..., Any], port: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run("start", f"--sink-port={port}")
    assert ended.value.code == 2


def test_a_home_with_damaged_ports_is_told(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "ports.json").write_text("{")
    code, out, _ = run("status")
    assert code == 1
    assert "choose ports anew" in out


def test_a_token_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    home = CloudHome(tmp_path)
    home.create()
    token = home.api_token()
    assert (len(token), token.isalnum(), home.api_token()) == (40, True, token)
    assert stat.S_IMODE(home.token_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.cloud.stat().st_mode) == 0o700
