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

from localcloud.tail.tails import LIFETIME_MS, MOST_TAILS
from ops.observe.tail.websocket import ConnectionEnded, WebSocket
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


def watched(tail: dict[str, Any]) -> WebSocket:
    return WebSocket(tail["url"], protocol="trace-v1")


def say(cloud: RunningCloud, message: str, **changes: Any) -> None:
    """Let the host report one line, in the server's own loop as its stream does."""
    event = {
        "type": "log",
        "version": "5f0c2b8e-0000-4000-8000-000000000001",
        "script": "w",
        "level": "info",
        "timestamp": "2026-11-22T03:09:35.662Z",
        "message": message,
        **changes,
    }
    done = asyncio.run_coroutine_threadsafe(_publish(cloud, json.dumps(event)), cloud._loop)
    done.result(10)


async def _publish(cloud: RunningCloud, line: str) -> None:
    cloud._server._on_event(line)


def test_a_line_arrives_as_a_trace(shared: RunningCloud, tail: dict[str, Any]) -> None:
    with watched(tail) as socket:
        socket.send('{"debug":false}')
        say(shared, '{"message":"größer"}')
        trace = json.loads(socket.receive(10) or "")
    assert trace["scriptName"] == "w"
    assert trace["scriptVersion"] == {"id": "5f0c2b8e-0000-4000-8000-000000000001"}
    assert trace["logs"] == [
        {"message": ['{"message":"größer"}'], "level": "info", "timestamp": 1795316975662}
    ]


def test_lines_of_another_worker_and_of_the_host_itself_dont_arrive(
    shared: RunningCloud, tail: dict[str, Any]
) -> None:
    with watched(tail) as socket:
        say(shared, "of another", script="other")
        say(shared, "of the host", version=None)
        say(shared, "", type="restart")
        say(shared, "mine")
        trace = json.loads(socket.receive(10) or "")
    assert trace["logs"][0]["message"] == ["mine"]


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
        assert socket.receive(0.2) is None
    with pytest.raises(ConnectionEnded, match="404"):
        watched(tail)
    assert shared.error("DELETE", f"{TAILS}/{tail['id']}") == (404, 10007)


def test_an_expired_tail_hears_nothing(tmp_path: Path) -> None:
    with RunningCloud(tmp_path) as cloud:
        deploy(cloud)
        tail = cloud.result("POST", TAILS)
        with watched(tail) as socket:
            say(cloud, "in time")
            assert socket.receive(10) is not None
            cloud.local("POST", "/clock", json={"advance_ms": LIFETIME_MS})
            say(cloud, "too late")
            assert socket.receive(0.2) is None


def test_no_more_may_watch_than_at_cloudflare(tmp_path: Path) -> None:
    with RunningCloud(tmp_path) as cloud:
        deploy(cloud)
        for _ in range(MOST_TAILS):
            cloud.result("POST", TAILS)
        assert cloud.error("POST", TAILS)[0] == 429


def test_refused_calls_are_told_apart(shared: RunningCloud, tail: dict[str, Any]) -> None:
    assert shared.error("POST", "/workers/scripts/nobody/tails") == (404, 10007)
    filtered = {"filters": [{"outcome": ["exception"]}]}
    assert shared.error("POST", TAILS, json=filtered) == (400, 10026)
    with pytest.raises(ConnectionEnded, match="400"):
        WebSocket(tail["url"], protocol="chat")
    page = httpx.get(
        tail["url"].replace("ws:", "http:"),
        headers={
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "trace-v1",
            "Origin": "https://example.test",
        },
        trust_env=False,
    )
    assert page.status_code == 403
