"""Each call of the host's control channel as it is sent, and what its answers become."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from localcloud import host_client
from localcloud.errors import RuntimeDown
from localcloud.host_client import DatabaseFiles, HostClient, HostError, LostAnswer, StoredValue

Ask = Callable[[HostClient], Awaitable[Any]]
FILES = {"file": "/a.sqlite", "next": "/b.sqlite"}


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Any, list[httpx.Request]]]:
    """Ask a host that gives one answer, and keep what it was asked."""

    def ask_it(ask: Ask, answer: httpx.Response | Exception) -> tuple[Any, list[httpx.Request]]:
        asked: list[httpx.Request] = []

        async def handle(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            if isinstance(answer, Exception):
                raise answer
            return answer

        def made(**settings: Any) -> httpx.AsyncClient:
            return httpx.AsyncClient(transport=httpx.MockTransport(handle), **settings)

        # Of this module alone: other tests' servers have clients in threads of this process.
        own = SimpleNamespace(**{**vars(httpx), "AsyncClient": made})
        monkeypatch.setattr(host_client, "httpx", own)

        async def run() -> Any:
            client = HostClient(4_321, "control-token")
            try:
                return await ask(client)
            finally:
                await client.close()

        return asyncio.run(run()), asked

    return ask_it


BATCH = [{"id": "m"}]
CALLS: list[tuple[Ask, str, str, object, object, object]] = [
    (lambda c: c.health(), "GET /health", "", None, {"ok": True}, {"ok": True}),
    (lambda c: c.invocations(), "GET /invocations", "", None, {"invocations": [{}]}, [{}]),
    (lambda c: c.analytics_points(), "GET /analytics", "", None, {"points": [{}]}, [{}]),
    (
        *(lambda c: c.put_stores(("d",), ("k",)), "PUT /stores", ""),
        *({"d1": ["d"], "kv": ["k"]}, {}, None),
    ),
    (lambda c: c.delete_store("d1", "d"), "DELETE /stores/d1/d", "", None, {}, None),
    (
        *(lambda c: c.put_version("v", {"a": 1}, validate=False), "PUT /versions/v", ""),
        *({"a": 1}, {"bootMs": 7}, {"bootMs": 7}),
    ),
    (
        *(lambda c: c.put_version("v", {}, validate=True), "PUT /versions/v?validate", ""),
        *({}, {}, {}),
    ),
    (lambda c: c.delete_version("v"), "DELETE /versions/v", "", None, {}, None),
    (lambda c: c.put_tails({"b", "a"}), "PUT /tails", "", {"scripts": ["a", "b"]}, {}, None),
    (lambda c: c.put_clock(5), "PUT /clock", "", {"offset_ms": 5}, {}, None),
    (lambda c: c.put_routes({"generation": 1}), "PUT /routes", "", {"generation": 1}, {}, None),
    (
        *(lambda c: c.deliver("v", "q", BATCH), "POST /versions/v/queue", ""),
        *({"queue": "q", "messages": BATCH}, {"outcome": "ok"}, {"outcome": "ok"}),
    ),
    (
        *(lambda c: c.fire("v", "* * * * *", 9), "POST /versions/v/scheduled", ""),
        *({"cron": "* * * * *", "scheduledTimeMs": 9}, {"outcome": "ok"}, {"outcome": "ok"}),
    ),
    (
        *(lambda c: c.query("d", [{"sql": "x"}]), "POST /d1/d/query", ""),
        *([{"sql": "x"}], {"results": [{}]}, [{}]),
    ),
    (
        *(lambda c: c.query("d", [], columns=True), "POST /d1/d/query?resultsFormat="),
        *("ROWS_AND_COLUMNS", [], {"results": []}, []),
    ),
    (
        *(lambda c: c.files("d"), "GET /d1/d/files", "", None, FILES),
        DatabaseFiles(Path("/a.sqlite"), Path("/b.sqlite")),
    ),
    (
        *(lambda c: c.hold("d"), "POST /d1/d/hold", "", None, FILES),
        DatabaseFiles(Path("/a.sqlite"), Path("/b.sqlite")),
    ),
    (lambda c: c.release("d", swap=True), "POST /d1/d/release", "", {"swap": True}, {}, None),
    (lambda c: c.delete_value("n", "a/b"), "DELETE /kv/n/values/a%2Fb", "", None, {}, None),
    (lambda c: c.list_keys("n", "limit=9"), "GET /kv/n/keys?limit=9", "", None, {}, {}),
]


@pytest.mark.parametrize(("ask", "line", "rest", "body", "answer", "found"), CALLS)
def test_each_call_is_sent_as_the_host_reads_it(
    host: Any, ask: Ask, line: str, rest: str, body: object, answer: object, found: object
) -> None:
    result, [request] = host(ask, httpx.Response(200, json=answer))
    target = request.url.raw_path.decode()
    assert f"{request.method} {target}" == line + rest
    assert request.url.netloc == b"127.0.0.1:4321"
    assert request.headers["authorization"] == "Bearer control-token"
    assert (json.loads(request.content) if request.content else None) == body
    assert result == found


@pytest.mark.parametrize(
    ("ask", "seconds"),
    [
        (lambda c: c.health(), 60),
        (lambda c: c.query("d", []), 60),
        (lambda c: c.put_version("v", {}, validate=True), 120),
        (lambda c: c.delete_version("v"), 120),
        (lambda c: c.deliver("v", "q", []), 900),
        (lambda c: c.fire("v", "c", 1), 900),
        (lambda c: c.hold("d"), 900),
    ],
)
def test_a_call_waits_as_long_as_its_work_may_take(host: Any, ask: Ask, seconds: float) -> None:
    answer = {"results": [], **FILES}
    _, [request] = host(ask, httpx.Response(200, json=answer))
    waits = dict.fromkeys(("read", "write", "pool"), seconds)
    assert request.extensions["timeout"] == {"connect": 5.0, **waits}


@pytest.mark.parametrize(
    ("settings", "target", "headers"),
    [
        ({"expiration_ttl": None, "metadata": None}, "/kv/n/values/a%2Fb", None),
        ({"expiration_ttl": 60, "metadata": None}, "/kv/n/values/a%2Fb?expiration_ttl=60", None),
        ({"expiration_ttl": None, "metadata": {"a": [1]}}, "/kv/n/values/a%2Fb", '{"a":[1]}'),
        ({"expiration_ttl": None, "metadata": 0}, "/kv/n/values/a%2Fb", "0"),
    ],
)
def test_a_value_is_stored_with_its_life_and_metadata(
    host: Any, settings: dict[str, Any], target: str, headers: str | None
) -> None:
    _, [request] = host(
        lambda c: c.put_value("n", "a/b", b"\x00v", **settings), httpx.Response(200)
    )
    assert (request.method, request.url.raw_path.decode()) == ("PUT", target)
    assert (request.content, request.headers.get("cf-kv-metadata")) == (b"\x00v", headers)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, StoredValue(b"v", None, None)),
        ({"cf-kv-metadata": "[1]", "cf-expiration": "9"}, StoredValue(b"v", [1], 9)),
    ],
)
def test_a_value_comes_with_its_life_and_metadata(
    host: Any, headers: dict[str, str], found: StoredValue
) -> None:
    answer = httpx.Response(200, content=b"v", headers=headers)
    result, _ = host(lambda c: c.get_value("n", "k"), answer)
    assert result == found


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b'{"error": {"code": "sql_error", "message": "no table"}}', "sql_error", "no table"),
        (b'{"error": {"code": "x"}}', "unknown", "The runtime gave no reason."),
        (b'{"error": "x"}', "unknown", "The runtime gave no reason."),
        (b"[]", "unknown", "The runtime gave no reason."),
        (b"<html>", "unknown", "The runtime gave no reason."),
        (b"", "unknown", "The runtime gave no reason."),
    ],
)
@pytest.mark.parametrize("status", [400, 500])
def test_a_refusal_has_the_hosts_code_and_reason(
    host: Any, status: int, content: bytes, code: str, message: str
) -> None:
    with pytest.raises(HostError) as raised:
        host(lambda c: c.query("d", []), httpx.Response(status, content=content))
    error = raised.value
    assert (error.status, error.code, error.message, str(error)) == (status, code, message, message)


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.delete_store("kv", "k"),
        lambda c: c.delete_version("v"),
        lambda c: c.delete_value("n", "k"),
    ],
)
def test_what_is_gone_already_is_fine_and_nothing_else_is(host: Any, ask: Ask) -> None:
    assert host(ask, httpx.Response(404))[0] is None
    for status in (400, 405, 500):
        with pytest.raises(HostError):
            host(ask, httpx.Response(status))


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (httpx.ConnectError("no"), RuntimeDown, "isn't reachable; it may be restarting"),
        (httpx.ConnectTimeout("no"), RuntimeDown, "isn't reachable; it may be restarting"),
        (httpx.PoolTimeout("no"), RuntimeDown, "isn't reachable; it may be restarting"),
        (httpx.ReadError("no"), LostAnswer, "ended before it answered"),
        (httpx.ReadTimeout("no"), LostAnswer, "ended before it answered"),
        (httpx.RemoteProtocolError("no"), LostAnswer, "ended before it answered"),
    ],
)
def test_a_call_that_did_not_arrive_differs_from_one_without_an_answer(
    host: Any, error: Exception, kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told) as raised:
        host(lambda c: c.health(), error)
    if isinstance(raised.value, HostError):
        assert (raised.value.status, raised.value.code) == (502, "lost_answer")


def test_events_come_as_whole_lines_and_together_what_came_together(host: Any) -> None:
    class Parts(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            for part in (b'{"a":1}\n{"b', b'":', b"2}\n\n", b'{"c":"\xe2\x80\xa8"}\n{"cut'):
                yield part

    async def collect(client: HostClient) -> list[list[str]]:
        return [lines async for lines in client.events()]

    found, [request] = host(collect, httpx.Response(200, stream=Parts()))
    assert found == [['{"a":1}'], ['{"b":2}'], ['{"c":"\u2028"}']]
    assert (request.url.path, request.extensions["timeout"]["read"]) == ("/events", None)
    assert request.extensions["timeout"]["connect"] == 5.0
