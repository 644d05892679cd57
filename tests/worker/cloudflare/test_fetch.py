"""Calls of endpoints as they cross the bridge to JavaScript."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from notification.ports.outbound import (
    OutboundAnswer,
    OutboundFailure,
    OutboundRequest,
    OutboundTimeout,
)
from tests.worker.cloudflare.javascript_side import JavaScriptSide, load

URL = "https://hooks.example.com/in"


def called(monkeypatch: pytest.MonkeyPatch, answer: object) -> tuple[OutboundAnswer, list[Any]]:
    """Make one call that JavaScript answers so: what comes back, and what crossed."""
    js_bridge, fetch = load(monkeypatch, "js_bridge"), load(monkeypatch, "fetch")
    crossed: list[Any] = []

    async def perform(text: str) -> str:
        word, document = text.split(" ", 1)
        assert word == "call"
        crossed.extend(json.loads(document))
        return json.dumps(answer)

    http = fetch.FetchHttp(js_bridge.JsBridge(JavaScriptSide(perform), bindings=None))
    request = OutboundRequest("PUT", URL, {"X-A": "b"}, "größe", timeout_ms=2_500, truncated=False)
    found: OutboundAnswer = asyncio.run(asyncio.wait_for(http.send(request), 30))
    return found, crossed


def test_a_call_crosses_whole_and_its_answer_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, crossed = called(monkeypatch, [429, {"retry-after": "7"}, "slow down", False])
    # 64 KiB of an answer tell whatever a provider says.
    assert crossed == ["PUT", URL, {"X-A": "b"}, "größe", 2_500, 65_536]
    assert tuple(answer) == (429, {"retry-after": "7"}, "slow down", False)


@pytest.mark.parametrize("name", ["TimeoutError", "AbortError"])
def test_a_call_without_a_status_in_time_has_timed_out(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with pytest.raises(OutboundTimeout):
        called(monkeypatch, {"name": name, "message": "The operation was aborted"})


def test_an_endpoint_that_cannot_be_reached_is_told_in_300_characters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(OutboundFailure) as raised:
        called(monkeypatch, {"name": "TypeError", "message": "n" * 299 + "ot reached"})
    assert type(raised.value) is OutboundFailure
    assert str(raised.value) == "n" * 299 + "o"
