"""Requests and responses as texts of JavaScript's."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from notification.errors import ServiceError
from notification.http.response import Response
from tests.worker.cloudflare.javascript_side import JavaScriptSide, load


class Heads:
    """Keeps the heads of responses, as js_bridge.js does."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def keep(self, head: str) -> int:
        """Keep one and return its number."""
        self.kept.append(json.loads(head))
        return len(self.kept) - 1


@pytest.fixture
def heads() -> Heads:
    return Heads()


@pytest.fixture
def factory(monkeypatch: pytest.MonkeyPatch, heads: Heads) -> Any:
    return load(monkeypatch, "http_messages").ResponseFactory(heads)


def answer(status: int = 200, **headers: str) -> Response:
    response = Response(status)
    response.body = "body"
    response.headers = {"X-Request-Id": "r1", **headers}
    return response


def test_repeated_headers_cross_the_bridge_once(factory: Any, heads: Heads) -> None:
    first = factory.text(answer(Vary="Origin"))
    head, request_id, body = first.removeprefix("respond ").split("\n")
    assert (json.loads(head), request_id, body) == ([200, {"Vary": "Origin"}], "r1", "body")
    assert factory.text(answer(Vary="Origin")) == "respond 0\nr1\nbody"
    assert factory.text(answer(404, Vary="Origin")).startswith("respond [404,")
    assert heads.kept == [[200, {"Vary": "Origin"}], [404, {"Vary": "Origin"}]]


def test_rate_limit_refusals_do_not_fill_the_kept_heads(factory: Any, heads: Heads) -> None:
    for second in range(100):
        factory.text(answer(429, **{"X-RateLimit-Reset": str(second)}))
    assert heads.kept == []
    factory.text(answer())
    assert factory.text(answer()) == "respond 0\nr1\nbody"


def test_so_many_heads_are_kept_and_further_ones_cross_each_time(
    factory: Any, heads: Heads
) -> None:
    for number in range(66):
        factory.text(answer(200, **{"X-Number": str(number)}))
    assert [head[1]["X-Number"] for head in heads.kept] == [str(number) for number in range(64)]
    assert factory.text(answer(200, **{"X-Number": "63"})) == "respond 63\nr1\nbody"
    assert factory.text(answer(200, **{"X-Number": "64"})).startswith("respond [200,")


def test_an_answer_without_a_request_id_has_an_empty_one(factory: Any) -> None:
    response = Response(204)
    assert factory.text(response) == "respond [204,{}]\n\n"


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("https://host", "host", "/"),
        ("https://host:8787/", "host:8787", "/"),
        ("http://host/a%20b?c=d://e/f", "host", "/a%20b?c=d://e/f"),
        ("http://host/a#b?c", "host", "/a"),
    ],
)
def test_host_and_target_are_those_of_the_url(
    monkeypatch: pytest.MonkeyPatch, url: str, host: str, target: str
) -> None:
    read_request = load(monkeypatch, "http_messages").read_request
    request, now_ms = read_request(json.dumps(["GET", url, {}, None]), None)
    assert (request.host, request.target, now_ms) == (host, target, None)


@pytest.mark.parametrize(
    ("described", "body"),
    [
        ("\n", b""),
        ('\n{"a":\n"\u00e9\u2028"}', '{"a":\n"\u00e9\u2028"}'.encode()),
        ("", b"asked for at most 9"),
    ],
)
def test_a_body_that_came_with_its_request_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch, described: str, body: bytes
) -> None:
    js_bridge = load(monkeypatch, "js_bridge")

    async def perform(text: str) -> str:
        return text.replace("body ", "asked for at most ")

    async def read() -> bytes:
        bridge = js_bridge.JsBridge(JavaScriptSide(perform), None)
        head = json.dumps(["POST", "http://host/a?b", {"x": "1"}, 5])
        read_request = load(monkeypatch, "http_messages").read_request
        request, now_ms = read_request(head + described, bridge)
        assert (request.method, request.host, request.target) == ("POST", "host", "/a?b")
        assert (request.headers, now_ms) == ({"x": "1"}, 5)
        await request.read_body(9_999 if described else 9)
        found: bytes = request.body
        return found

    if described:
        assert asyncio.run(read()) == body
    else:
        with pytest.raises(ServiceError) as refused:
            asyncio.run(read())
        assert refused.value.code == "PAYLOAD_TOO_LARGE"
