"""The Discord channel."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.sink.chat.api import ChatCall
from localcloud.sink.chat.discord import Discord
from notification.channels.channel import Message
from notification.channels.discord import DiscordChannel
from notification.channels.endpoint import EndpointPolicy
from notification.ports.outbound import OutboundAnswer, OutboundRequest
from tests.worker.endpoints import answer
from tests.worker.world import World

pytestmark = pytest.mark.requirement("C-4")

HOOK = "https://discord.com/api/webhooks/123/abc"
POLICY = EndpointPolicy(allow_loopback=False, allow_http=False)


def _calls(
    content: str, *, subject: str | None = None, kind: str = "text", **config: Any
) -> list[OutboundRequest]:
    message = Message("id", "u1", content, subject, kind, None)
    config = {"webhook_url": HOOK, **config}
    return DiscordChannel().compose(message, config, policy=POLICY, now_ms=0)


def _body(content: str, **more: Any) -> Any:
    [call] = _calls(content, **more)
    return json.loads(call.body)


def test_subject_and_content_are_one_escaped_text() -> None:
    [call] = _calls("95.5% on a_b <@1>", subject="Disk", username="Bot", thread_id="77")
    assert call.url == f"{HOOK}?wait=true&thread_id=77"
    assert json.loads(call.body) == {
        "content": "**Disk**\n\n95.5% on a\\_b \\<\\@1\\>",
        "allowed_mentions": {"parse": [], "users": [], "roles": []},
        "username": "Bot",
    }


def test_markup_is_discords_own() -> None:
    source = "**b** *i* __u__ ~~s~~ ||h|| `c` [x](https://x.example/a) https://x.example/a_b"
    assert _body(source, kind="markdown")["content"] == source
    fence = "```py\nx = 1\n```"
    assert _body(fence, kind="markdown")["content"] == fence


def test_a_template_mentions_a_person_and_needs_permission_for_everybody() -> None:
    body = _body("<@7> <@&8> @everyone", kind="markdown")
    assert body["content"] == "<@7> <@&8> \\@everyone"
    assert body["allowed_mentions"] == {"parse": [], "users": ["7"], "roles": ["8"]}
    allowed = _body("@everyone", kind="markdown", allow_broadcast=True)
    assert allowed["content"] == "@everyone"
    assert allowed["allowed_mentions"]["parse"] == ["everyone"]


def test_long_texts_are_cut_or_split() -> None:
    [call] = _calls("word " * 1_000)
    assert call.truncated
    assert len(json.loads(call.body)["content"]) <= 2_000
    calls = _calls("word " * 1_000, split_long=True)
    assert len(calls) == 3
    assert not calls[-1].truncated


@pytest.mark.parametrize(
    "code", ["10003", "10015", "50006", "50027", "50035", "40062", "500", "429"]
)
def test_documented_errors_are_judged(code: str) -> None:
    failed = Discord().failure(code)
    assert failed is not None
    verdict = DiscordChannel().judge(OutboundAnswer(failed.status, {}, failed.body), 0)
    throttled, broken = ("40062", "429"), ("500",)
    outcome = "throttled" if code in throttled else "broken" if code in broken else "rejected"
    assert verdict.outcome == outcome
    if code == "429":
        assert verdict.retry_after_s == 5


def test_a_burst_is_throttled_as_told_and_nothing_is_rejected() -> None:
    api, now_ms, sent = Discord(), 0, 0
    [call] = _calls("x")
    path = "/api/webhooks/123/abc"
    for _ in range(200):
        given = api.receive(ChatCall(path, call.body.encode(), now_ms))
        verdict = DiscordChannel().judge(
            OutboundAnswer(
                given.status, {k.lower(): v for k, v in given.headers.items()}, given.body
            ),
            now_ms,
        )
        assert verdict.outcome in ("delivered", "throttled")
        sent += verdict.accepted
        now_ms += verdict.retry_after_s * 1_000
    assert sent >= 100


def test_a_send_is_delivered(world: World) -> None:
    world.configure("u1", "discord", webhook_url=HOOK)
    world.endpoints.behave = lambda request: answer(200, '{"id":"9","type":0}')
    [result] = world.send(channels=["discord"]).json["results"]
    assert (result["status"], result["details"]) == ("sent", {"id": "9"})


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"webhook_url": "https://example.com/api/webhooks/1/a"},
        {"webhook_url": HOOK, "username": "x" * 81},
        {"webhook_url": HOOK, "thread_id": "a&b"},
        {"webhook_url": HOOK, "split_long": "yes"},
    ],
)
def test_a_configuration_that_cannot_work_is_refused(world: World, config: dict[str, Any]) -> None:
    document = {"user_id": "u1", "channel_type": "discord", "config_data": config}
    assert world.request("POST", "/api/user-configs", document).status == 400
