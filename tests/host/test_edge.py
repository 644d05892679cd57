from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import httpx
import psutil
import pytest

from tests.host.recording_server import RecordingServer
from tests.host.running_host import RunningHost

pytestmark = pytest.mark.workerd


def test_method_body_and_headers_pass_through(host: RunningHost) -> None:
    answer = host.edge("PATCH", "/echo", content=b"sent body", headers={"X-Given": "v a l u e"})
    seen = answer.json()
    assert (seen["method"], seen["body"]) == ("PATCH", "sent body")
    assert seen["headers"]["x-given"] == "v a l u e"


def test_a_body_of_unknown_length_passes_through(host: RunningHost) -> None:
    answer = host.edge("POST", "/echo", content=iter([b"one ", b"two"]))
    assert answer.json()["body"] == "one two"


def test_a_client_can_not_forge_its_address(host: RunningHost) -> None:
    forged = {"CF-Connecting-IP": "203.0.113.9", "CF-Ray": "forged"}
    headers = host.edge("GET", "/echo", headers=forged).json()["headers"]
    assert headers["cf-connecting-ip"] == "127.0.0.1"
    assert headers["cf-ray"] != "forged"


def test_each_request_tells_how_far_the_clock_has_been_moved(host: RunningHost) -> None:
    forged = {"X-Local-Clock-Offset": "1"}
    try:
        for offset_ms in (3_600_000, 0):
            assert host.call("PUT", "/clock", {"offset_ms": offset_ms}).status == 200
            headers = host.edge("GET", "/echo", headers=forged).json()["headers"]
            assert headers["x-local-clock-offset"] == str(offset_ms)
    finally:
        host.call("PUT", "/clock", {"offset_ms": 0})


def test_an_answer_carries_its_ray(host: RunningHost) -> None:
    first, second = (host.edge("GET", "/hello").headers["CF-Ray"] for _ in range(2))
    assert first != second


def test_the_control_channel_refuses_another_token(host: RunningHost) -> None:
    url = str(host.raw("GET", "/health").url)
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = httpx.get(url, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("POST", "/routes", 405), ("PUT", "/routes", 400)],
)
def test_a_call_that_makes_no_sense_is_refused(
    host: RunningHost, method: str, path: str, status: int
) -> None:
    assert host.raw(method, path, b"{").status_code == status


@pytest.mark.parametrize("known_length", [True, False])
def test_a_body_that_the_worker_leaves_unread_costs_no_answer(
    host: RunningHost, known_length: bool
) -> None:
    piece = b"x" * 262_144

    def statuses(_: int) -> set[int]:
        with httpx.Client(trust_env=False, timeout=60) as client:
            body = [piece] * 10
            url = f"http://127.0.0.1:{host.edge_port}/hello"
            return {
                client.post(url, content=b"".join(body) if known_length else iter(body)).status_code
                for _ in range(25)
            }

    with ThreadPoolExecutor(4) as pool:
        assert set().union(*pool.map(statuses, range(4))) == {200}


def test_a_body_longer_than_the_edge_holds_passes_through(host: RunningHost) -> None:
    sent = b"x" * 9_000_000
    assert len(host.edge("POST", "/echo", content=sent).json()["body"]) == len(sent)


def test_an_edge_without_a_table_asks_to_come_again(
    tmp_path: Path, outside: RecordingServer
) -> None:
    started = RunningHost(tmp_path / "state", outside)
    try:
        early = started.edge("GET", "/hello")
        assert (early.status_code, early.headers["Retry-After"]) == (503, "1")
        table = {"generation": 1, "routes": [], "defaultScript": None}
        assert started.call("PUT", "/routes", table).status == 200
        assert started.edge("GET", "/hello").status_code == 404
    finally:
        started.stop()


def test_a_version_listens_where_no_page_of_a_browser_comes(host: RunningHost) -> None:
    """Requests, queue and cron of a version go over Unix sockets in a folder of the user's own."""
    (version,) = host.call("GET", "/health").body["versions"]
    process = psutil.Process(version["pid"])
    assert [one for one in process.net_connections("inet") if one.status == "LISTEN"] == []
    sockets = {Path(str(one.laddr)) for one in process.net_connections("unix") if one.laddr}
    assert {path.name.partition("-")[2] for path in sockets} == {"http", "door"}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in sockets} == {0o700}


def test_nobody_without_its_token_reaches_queue_cron_and_stores(host: RunningHost) -> None:
    health = host.call("GET", "/health").body
    (version,) = health["versions"]
    (door,) = {
        str(one.laddr)
        for one in psutil.Process(version["pid"]).net_connections("unix")
        if str(one.laddr).endswith("-door")
    }
    (store,) = (
        one.laddr.port
        for one in psutil.Process(health["store"]["pid"]).net_connections("tcp")
        if one.status == psutil.CONN_LISTEN
    )
    doors = ((httpx.HTTPTransport(uds=door), "http://door"), (None, f"http://127.0.0.1:{store}"))
    for transport, root in doors:
        with httpx.Client(transport=transport, trust_env=False) as client:
            for token in ({}, {"X-Door-Token": "wrong", "X-Store-Token": "wrong"}):
                for path in ("/scheduled", "/queue", "/"):
                    body = {"cron": "* * * * *", "scheduledTimeMs": 0, "queue": "q", "messages": []}
                    answer = client.post(f"{root}{path}", json=body, headers=token)
                    assert answer.status_code == 403
                    assert client.get(f"{root}{path}", headers=token).status_code == 403


def test_a_host_removes_the_sockets_that_it_and_a_killed_one_made(
    tmp_path: Path, outside: RecordingServer
) -> None:
    record = tmp_path / "state" / "run" / "socket-folder"
    first = RunningHost(tmp_path / "state", outside)
    left = Path(record.read_text())
    first.kill()
    assert left.exists()
    second = RunningHost(tmp_path / "state", outside)
    own = Path(record.read_text())
    assert (left.exists(), own.exists()) == (False, True)
    second.stop()
    assert not own.exists()


def test_a_request_beyond_the_documented_limits_never_reaches_the_worker(
    host: RunningHost,
) -> None:
    def with_headers(size: int) -> int:
        headers = {f"X-{number}": "x" * 8000 for number in range(size // 8000)}
        try:
            return host.edge("GET", "/echo", headers=headers).status_code
        except httpx.NetworkError:  # It is closed while the rest still comes.
            return 431

    assert with_headers(100_000) == 200
    assert with_headers(200_000) == 431

    longest = 16 * 1024
    path = "/hello?".ljust(longest, "x")
    assert host.edge("GET", path).status_code == 200
    assert host.edge("GET", f"{path}x").status_code == 414

    with closing(HTTPConnection("127.0.0.1", host.edge_port, timeout=60)) as connection:
        connection.putrequest("POST", "/echo")
        connection.putheader("Content-Length", str(100 * 1024 * 1024 + 1))
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (413, b"Request entity too large")


def test_an_answers_headers_may_be_as_long_as_in_production(host: RunningHost) -> None:
    answer = host.edge("GET", "/wide?bytes=100000")
    assert (answer.status_code, len(answer.headers["X-Wide"])) == (200, 100_000)
