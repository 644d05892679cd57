"""Responses as texts for JavaScript."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.http.response import Response
from tests.worker.cloudflare.javascript_side import load


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
