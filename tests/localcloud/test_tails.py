"""Live tails: the API's calls, the connection, and what is sent over it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from localcloud.tail.connection import MAX_BEHIND_BYTES
from localcloud.tail.filters import TraceFilters
from localcloud.tail.tails import LIFETIME_MS, MAX_TAILS
from tests.localcloud.running_cloud import RunningCloud, deploy

ROOT = Path(__file__).resolve().parents[2]
TAILS = "/workers/scripts/w/tails"
_WS = """
const WebSocket = require("ws");
const socket = new WebSocket(process.argv[1], "trace-v1");
socket.on("open", () => { socket.send('{"debug":false}'); socket.ping("here"); });
socket.on("pong", (data) => console.log(`pong ${data}`));
socket.on("message", (data) => { console.log(String(data)); socket.close(1000); });
socket.on("error", (error) => { console.log(`error ${error.message}`); });
"""


@pytest.fixture
def tail(shared: RunningCloud) -> Iterator[dict[str, Any]]:
    """A tail of the Worker `w`."""
    deploy(shared)
    opened: dict[str, Any] = shared.result("POST", TAILS, json={"filters": []})
    yield opened
    shared.account("DELETE", f"{TAILS}/{opened['id']}")


def watched(tail: dict[str, Any], protocol: str = "trace-v1", **options: Any) -> ClientConnection:
    return connect(
        tail["url"], subprotocols=[Subprotocol(protocol)], proxy=None, legacy=True, **options
    )


def refusal(tail: dict[str, Any], protocol: str = "trace-v1", **options: Any) -> int:
    """The status that a connection is refused with."""
    with pytest.raises(InvalidStatus) as refused:
        watched(tail, protocol, **options)
    return refused.value.response.status_code


VERSION = "5f0c2b8e-0000-4000-8000-000000000001"


def say(cloud: RunningCloud, message: str, script: str = "w", **changes: Any) -> None:
    """Let the host report one invocation, in the server's own loop as its stream does."""
    line = {"message": [message], "level": "log", "timestamp": 1795316975662}
    trace = {"outcome": "ok", "exceptions": [], "logs": [line], "event": None, **changes}
    event = {"type": "trace", "version": VERSION, "script": script, "traces": [trace]}
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    done = asyncio.run_coroutine_threadsafe(_publish(cloud, text), cloud._loop)
    done.result(10)


async def _publish(cloud: RunningCloud, line: str) -> None:
    cloud._server._on_events([line])


def test_an_invocation_from_before_the_tail_is_not_told(
    shared: RunningCloud, tail: dict[str, Any]
) -> None:
    opened_ms = shared._server._tails.of_script("w")[0].opened_ms
    with watched(tail) as socket:
        say(shared, "before", eventTimestamp=opened_ms - 1)
        say(shared, "just then", eventTimestamp=opened_ms)
        assert json.loads(socket.recv(10))["logs"][0]["message"] == ["just then"]


def test_a_trace_arrives_with_the_names_of_worker_and_version(
    shared: RunningCloud, tail: dict[str, Any]
) -> None:
    with watched(tail) as socket:
        assert socket.subprotocol == "trace-v1"
        socket.send('{"debug":false}')
        say(shared, "größer", outcome="exception")
        trace = json.loads(socket.recv(10))
    assert trace["scriptName"] == "w"
    assert trace["scriptVersion"] == {"id": VERSION}
    assert trace["outcome"] == "exception"
    assert trace["logs"] == [{"message": ["größer"], "level": "log", "timestamp": 1795316975662}]


def test_the_host_is_told_which_workers_are_watched(tmp_path: Path) -> None:
    with RunningCloud(tmp_path) as cloud:
        for name in ("w", "v"):
            deploy(cloud, name)
        tails = [cloud.result("POST", f"/workers/scripts/{name}/tails") for name in ("w", "v", "v")]
        assert cloud.host.watched == ["v", "w"]
        for tail in tails[1:]:
            cloud.result("DELETE", f"/workers/scripts/v/tails/{tail['id']}")
        assert cloud.host.watched == ["w"]


def test_traces_of_another_worker_and_lines_of_the_log_dont_arrive(
    shared: RunningCloud, tail: dict[str, Any]
) -> None:
    line = json.dumps({"type": "log", "version": VERSION, "script": "w", "message": "a line"})
    with watched(tail) as socket:
        say(shared, "of another", script="other")
        asyncio.run_coroutine_threadsafe(_publish(shared, line), shared._loop).result(10)
        say(shared, "mine")
        trace = json.loads(socket.recv(10))
    assert trace["logs"][0]["message"] == ["mine"]


REQUEST = {
    "request": {
        "url": "http://w.localhost/",
        "method": "POST",
        "headers": {"cf-connecting-ip": "127.0.0.1", "x-key": "one two"},
    }
}


@pytest.mark.parametrize(
    ("given", "passes", "stays"),
    [
        ({"outcome": ["exception"]}, {"outcome": "exception"}, {"outcome": "ok"}),
        ({"method": ["POST", "PUT"]}, {"event": REQUEST}, {"event": {"cron": "* * * * *"}}),
        ({"header": {"key": "X-Key"}}, {"event": REQUEST}, {"event": None}),
        ({"header": {"key": "x-key", "query": "two"}}, {"event": REQUEST}, {}),
        ({"client_ip": ["self"]}, {"event": REQUEST}, {}),
        ({"client_ip": ["127.0.0.1"]}, {"event": REQUEST}, {"event": {"queue": "q"}}),
        ({"sampling_rate": 1}, {}, None),
        ({"scriptVersion": VERSION}, {}, None),
    ],
)
def test_a_filter_chooses_among_invocations(
    shared: RunningCloud,
    tail: dict[str, Any],
    given: dict[str, Any],
    passes: dict[str, Any],
    stays: dict[str, Any] | None,
) -> None:
    search = {"query": "wanted"}
    filtered = shared.result("POST", TAILS, json={"filters": [given, search]})
    with watched(filtered) as socket, watched(tail) as other:
        say(shared, "something else", **passes)
        if stays is not None:
            say(shared, "wanted, but not so", **stays)
        say(shared, "wanted", **passes)
        assert json.loads(socket.recv(10))["logs"][0]["message"] == ["wanted"]
        assert json.loads(other.recv(10))["logs"][0]["message"] == ["something else"]
    shared.result("DELETE", f"{TAILS}/{filtered['id']}")


@pytest.mark.parametrize(
    ("given", "unlike"),
    [
        ({"header": {"key": "x-key", "query": "three"}}, {"event": REQUEST}),
        ({"sampling_rate": 0}, {}),
    ],
)
def test_a_filter_lets_nothing_else_pass(given: dict[str, Any], unlike: dict[str, Any]) -> None:
    trace = {"outcome": "ok", "logs": [], "scriptVersion": {"id": VERSION}, **unlike}
    assert not TraceFilters.model_validate({"filters": [given]}).let_pass(trace)


def test_an_independent_client_understands_the_connection(
    shared: RunningCloud, tail: dict[str, Any]
) -> None:
    client = subprocess.Popen(
        ["node", "-e", _WS, tail["url"]], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert client.stdout is not None
    assert client.stdout.readline() == "pong here\n"
    say(shared, "x" * 70_000)
    out, _ = client.communicate(timeout=30)
    assert json.loads(out)["logs"][0]["message"] == ["x" * 70_000]
    assert client.returncode == 0


def test_a_deleted_tail_hears_nothing_and_opens_no_connection(
    shared: RunningCloud, tail: dict[str, Any]
) -> None:
    with watched(tail) as socket:
        assert shared.result("GET", TAILS) == [tail]
        assert shared.result("DELETE", f"{TAILS}/{tail['id']}") is None
        assert shared.result("GET", TAILS) == []
        say(shared, "too late")
        with pytest.raises(TimeoutError):
            socket.recv(0.2)
    assert refusal(tail) == 404
    assert shared.error("DELETE", f"{TAILS}/{tail['id']}") == (404, 10007)


def test_an_expired_tail_hears_nothing(tmp_path: Path) -> None:
    with RunningCloud(tmp_path) as cloud:
        deploy(cloud)
        tail = cloud.result("POST", TAILS)
        with watched(tail) as socket:
            say(cloud, "in time")
            assert "in time" in socket.recv(10, decode=True)
            cloud.local("POST", "/clock", json={"advance_ms": LIFETIME_MS})
            say(cloud, "too late")
            with pytest.raises(TimeoutError):
                socket.recv(0.2)


def test_no_more_may_watch_than_at_cloudflare(tmp_path: Path) -> None:
    with RunningCloud(tmp_path) as cloud:
        deploy(cloud)
        for _ in range(MAX_TAILS):
            cloud.result("POST", TAILS)
        assert cloud.error("POST", TAILS)[0] == 429


def test_refused_calls_are_told_apart(shared: RunningCloud, tail: dict[str, Any]) -> None:
    assert shared.error("POST", "/workers/scripts/nobody/tails") == (404, 10007)
    for wrong in ({}, {"colour": "red"}, {"sampling_rate": 2}, {"outcome": ["ok"], "query": "x"}):
        assert shared.error("POST", TAILS, json={"filters": [wrong]}) == (400, 10026)


def test_only_a_client_of_tails_on_this_machine_may_connect(tail: dict[str, Any]) -> None:
    assert refusal(tail, "chat") == 400
    # A browser names the page; a page that rebinds its name to the loopback sends that name.
    assert refusal(tail, origin="https://example.test") == 403
    rebound = httpx.get(
        tail["url"].replace("ws:", "http:"),
        headers={
            "Host": "rebound.example.test",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "trace-v1",
        },
        trust_env=False,
    )
    assert rebound.status_code == 403


def test_a_client_that_sends_too_much_is_cut_off(
    shared: RunningCloud, tail: dict[str, Any]
) -> None:
    with watched(tail) as socket:
        socket.send("x" * 70_000)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_a_watcher_that_reads_too_slowly_is_cut_off_and_the_others_hear_on(
    shared: RunningCloud, tail: dict[str, Any]
) -> None:
    line = "x" * (MAX_BEHIND_BYTES // 8)
    sent = 80  # with what the system buffers of a connection, far more than may be kept for it
    with watched(tail, max_queue=1, compression=None, max_size=None) as slow, watched(tail) as fast:
        for _ in range(sent):
            say(shared, line)
            assert len(fast.recv(10)) > len(line)
        read: list[object] = []
        with pytest.raises(ConnectionClosed) as closed:
            read.extend(slow.recv(10) for _ in range(sent))
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013
        say(shared, "still there")
        assert "still there" in fast.recv(10, decode=True)
