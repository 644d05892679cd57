"""The Microsoft Teams channel."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.sink.chat.api import ChatCall
from localcloud.sink.chat.teams import Teams
from notification.channels.channel import Message
from notification.channels.endpoint import EndpointPolicy
from notification.channels.teams import TeamsChannel
from notification.ports.outbound import OutboundAnswer, OutboundRequest
from tests.worker.endpoints import answer
from tests.worker.world import World

pytestmark = pytest.mark.requirement("C-4")

PATH = "/workflows/abc/triggers/manual/paths/invoke"
HOOK = f"https://prod-1.westeurope.logic.azure.com:443{PATH}?sig=x"
POLICY = EndpointPolicy(allow_loopback=False, allow_http=False)


def _call(content: str, *, subject: str | None = None, kind: str = "text") -> OutboundRequest:
    message = Message("id", "u1", content, subject, kind, None)
    [call] = TeamsChannel().compose(message, {"webhook_url": HOOK}, policy=POLICY, now_ms=0)
    given = Teams().receive(ChatCall(PATH, call.body.encode(), 0))
    assert given.accepted
    return call


def _blocks(content: str, **more: Any) -> Any:
    document = json.loads(_call(content, **more).body)
    return document["attachments"][0]["content"]["body"]


def test_each_line_is_a_block_of_literal_runs() -> None:
    heading, first, second = _blocks("a *b* <at>x</at>\nend", subject="Disk")
    assert heading["inlines"] == [
        {"type": "TextRun", "text": "Disk", "size": "Large", "weight": "Bolder"}
    ]
    assert first["inlines"] == [{"type": "TextRun", "text": "a *b* <at>x</at>"}]
    assert second["inlines"] == [{"type": "TextRun", "text": "end"}]


def test_markup_becomes_styles() -> None:
    [block] = _blocks("**b *both*** `c` [page](https://x.example/)", kind="markdown")
    shown = [{k: v for k, v in run.items() if k != "type"} for run in block["inlines"]]
    assert shown == [
        {"text": "b ", "weight": "Bolder"},
        {"text": "both", "weight": "Bolder", "italic": True},
        {"text": " "},
        {"text": "c", "fontType": "Monospace"},
        {"text": " "},
        {
            "text": "page",
            "selectAction": {"type": "Action.OpenUrl", "url": "https://x.example/"},
            "color": "Accent",
        },
    ]


@pytest.mark.parametrize("content", ["漢" * 50_000, "a\n" * 20_000, "**a** b " * 5_000])
def test_a_card_stays_within_28_kb(content: str) -> None:
    call = _call(content, kind="markdown")
    assert call.truncated
    assert 20_000 <= len(call.body.encode()) <= 28_000


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("WorkflowTriggerIsNotEnabled", "rejected"),
        ("WorkflowNotFound", "rejected"),
        ("DirectApiAuthorizationRequired", "rejected"),
        ("TooManyRequests", "throttled"),
        ("InternalServerError", "broken"),
    ],
)
def test_documented_errors_are_judged(code: str, outcome: str) -> None:
    failed = Teams().failure(code)
    assert failed is not None
    headers = {name.lower(): text for name, text in failed.headers.items()}
    verdict = TeamsChannel().judge(OutboundAnswer(failed.status, headers, failed.body), 0)
    assert verdict.outcome == outcome
    assert verdict.retry_after_s == (5 if outcome == "throttled" else 0)


def test_a_send_is_delivered(world: World) -> None:
    world.configure("u1", "teams", webhook_url=HOOK)
    world.endpoints.behave = lambda request: answer(202, "")
    [result] = world.send(channels=["teams"]).json["results"]
    assert result["status"] == "sent"


@pytest.mark.parametrize("url", [None, "https://example.com/x", "http://a.logic.azure.com/x"])
def test_only_a_workflows_address_is_accepted(world: World, url: str | None) -> None:
    config = {"webhook_url": url} if url else {}
    document = {"user_id": "u1", "channel_type": "teams", "config_data": config}
    assert world.request("POST", "/api/user-configs", document).status == 400
