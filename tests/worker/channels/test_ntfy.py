"""The ntfy channel."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.sink.chat.api import ChatCall
from localcloud.sink.chat.ntfy import PATH, Ntfy
from notification.channels.channel import Message
from notification.channels.endpoint import EndpointPolicy
from notification.channels.ntfy import NtfyChannel
from notification.ports.outbound import OutboundAnswer, OutboundRequest
from tests.worker.endpoints import answer
from tests.worker.world import World

pytestmark = pytest.mark.requirement("C-4")

POLICY = EndpointPolicy(allow_loopback=False, allow_http=False)


def _calls(
    content: str, *, subject: str | None = None, kind: str = "text", **config: Any
) -> list[OutboundRequest]:
    message = Message("id", "u1", content, subject, kind, None)
    calls = NtfyChannel().compose(message, {"topic": "t", **config}, policy=POLICY, now_ms=0)
    for call in calls:
        given = Ntfy().receive(ChatCall(PATH, call.body.encode(), 0))
        assert given.accepted
        assert "attachment" not in json.loads(given.body)
    return calls


def test_the_call_is_published_as_json() -> None:
    [call] = _calls(
        "**CPU** [page](https://x.example/)",
        subject="Disk",
        kind="markdown",
        server="https://push.example.com",
        token="tk_secret",
        priority=5,
        tags=["warning"],
        click="https://x.example/",
    )
    assert call.url == "https://push.example.com/"
    assert call.headers["Authorization"] == "Bearer tk_secret"
    assert json.loads(call.body) == {
        "topic": "t",
        "title": "Disk",
        "priority": 5,
        "tags": ["warning"],
        "click": "https://x.example/",
        "message": "CPU page: https://x.example/",
    }


def test_the_public_server_is_the_default() -> None:
    [call] = _calls("x")
    assert call.url == "https://ntfy.sh/"
    assert "Authorization" not in call.headers


def test_a_message_has_4096_bytes_at_most() -> None:
    [call] = _calls("漢" * 5_000)
    assert call.truncated
    assert 4_090 <= len(json.loads(call.body)["message"].encode()) <= 4_096
    assert len(_calls("word " * 2_000, split_long=True)) == 3


@pytest.mark.parametrize(
    "code", ["40009", "40024", "40101", "40301", "41303", "42901", "42908", "50001"]
)
def test_documented_errors_are_judged(code: str) -> None:
    failed = Ntfy().failure(code)
    assert failed is not None
    verdict = NtfyChannel().judge(OutboundAnswer(failed.status, {}, failed.body), 0)
    outcomes = {"429": "throttled", "500": "broken"}
    assert verdict.outcome == outcomes.get(code[:3], "rejected")


def test_a_send_is_delivered_and_the_token_is_masked(world: World) -> None:
    world.configure("u1", "ntfy", topic="alerts", token="tk_secret")
    world.endpoints.behave = lambda request: answer(200, '{"id":"m1"}')
    [result] = world.send(channels=["ntfy"]).json["results"]
    assert (result["status"], result["details"]) == ("sent", {"id": "m1"})
    shown = world.request("GET", "/api/user-configs?user_id=u1").json["data"][0]
    assert shown["config_data"]["token"] == "tk_s…"


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"topic": "a b"},
        {"topic": "t", "server": "http://10.0.0.1"},
        {"topic": "t", "server": "nonsense"},
        {"topic": "t", "priority": 9},
        {"topic": "t", "tags": "x"},
        {"topic": "t", "priority": 0},
        {"topic": "t", "priority": 6},
        {"topic": "t", "priority": 3.0},
        {"topic": "t", "priority": True},
        {"topic": "t", "tags": [*["x"] * 20, {}]},
        {"topic": "t", "click": 1},
        {"topic": "t", "split_long": "yes"},
        {"topic": "t" * 65},
        {"topic": "t", "server": 5},
        {"topic": "t", "token": "a\nb"},
        {"topic": "t", "token": "a\rb"},
        {"topic": "t", "token": "ä"},
    ],
)
def test_a_configuration_that_cannot_work_is_refused(world: World, config: dict[str, Any]) -> None:
    document = {"user_id": "u1", "channel_type": "ntfy", "config_data": config}
    assert world.request("POST", "/api/user-configs", document).status == 400
