"""Where a provider refuses a message's markup, the same text goes once more as plain text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from notification.ports.outbound import OutboundAnswer, OutboundRequest
from notification.timestamps import from_iso
from tests.worker.endpoints import answer
from tests.worker.world import World

pytestmark = pytest.mark.requirement("C-0.33")

SLACK = {"webhook_url": "https://hooks.slack.com/services/T0/B0/x"}
LARK = {"webhook_url": "https://open.larksuite.com/open-apis/bot/v2/hook/x"}
CARD = {**LARK, "msg_type": "interactive"}


def has_blocks(body: dict[str, Any]) -> bool:
    return "blocks" in body


def has_attachments(body: dict[str, Any]) -> bool:
    return "attachments" in body


def is_card(body: dict[str, Any]) -> bool:
    return bool(body["msg_type"] == "interactive")


def send(world: World, channel: str, content: str) -> dict[str, Any]:
    body = {
        "user_id": "u1",
        "channels": [channel],
        "custom_content": {"subject": "Disk", "content": content},
    }
    result: dict[str, Any] = world.request("POST", "/api/notifications/send", body).json["results"][
        0
    ]
    return result


CASES = [
    ("slack", SLACK, has_blocks, 400, "invalid_blocks", 200, "ok"),
    (
        "slack",
        {**SLACK, "use_attachments": True},
        has_attachments,
        400,
        "invalid_attachments",
        200,
        "ok",
    ),
    (
        "lark",
        CARD,
        is_card,
        200,
        '{"code":11246,"msg":"content is not parsable"}',
        200,
        '{"code":0}',
    ),
    ("lark", CARD, is_card, 400, '{"code":9499,"msg":"Bad Request"}', 200, '{"code":0}'),
    ("lark", CARD, is_card, 200, '{"code":19002,"msg":"params error"}', 200, '{"code":0}'),
]


@pytest.mark.parametrize(
    ("channel", "config", "marked", "status", "refusal", "accepted", "ok"), CASES
)
@pytest.mark.parametrize("content", ["95.5% <full>", "<at id=all></at> <!channel>"])
def test_markup_that_is_refused_goes_once_more_as_plain_text(
    world: World,
    channel: str,
    config: dict[str, Any],
    marked: Callable[[dict[str, Any]], bool],
    status: int,
    refusal: str,
    accepted: int,
    ok: str,
    content: str,
) -> None:
    def behave(request: OutboundRequest) -> OutboundAnswer:
        refused = marked(json.loads(request.body))
        return answer(status, refusal) if refused else answer(accepted, ok)

    world.configure("u1", channel, **config)
    world.endpoints.behave = behave
    assert send(world, channel, content)["status"] == "sent"
    assert len(world.endpoints.bodies) == 2
    plain = world.endpoints.bodies[1]
    if channel == "slack":
        shown = plain["text"].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        assert (shown, plain["mrkdwn"]) == (f"Disk\n\n{content}", False)
        assert "<" not in plain["text"]
    elif "at id" in content:
        assert plain["msg_type"] == "post"
        assert '"tag": "at"' not in json.dumps(plain)
    else:
        assert plain == {"msg_type": "text", "content": {"text": f"Disk\n\n{content}"}}
    [attempt] = json.loads(world.logs()[-1]["attempts"])
    assert attempt["note"] == "sent as plain text"


@pytest.mark.parametrize(
    ("channel", "config", "refusal"),
    [
        ("slack", SLACK, "invalid_blocks"),
        ("lark", CARD, '{"code":19002,"msg":"params error"}'),
    ],
)
def test_plain_text_that_is_refused_as_well_ends_it(
    world: World, channel: str, config: dict[str, Any], refusal: str
) -> None:
    world.configure("u1", channel, **config)
    world.endpoints.behave = lambda request: answer(400, refusal)
    assert send(world, channel, "x")["status"] == "failed"
    assert len(world.endpoints.bodies) == 2


def test_what_is_plain_text_already_is_sent_once(world: World) -> None:
    world.configure("u1", "lark", **LARK)
    world.endpoints.behave = lambda request: answer(400, '{"code":19002,"msg":"params error"}')
    assert send(world, "lark", "x")["status"] == "failed"
    assert len(world.endpoints.bodies) == 1


@pytest.mark.parametrize(("told", "waits_s"), [("7", 7), ("2.4", 3), ("", 10), ("soon", 10)])
def test_larks_own_header_says_how_long_a_throttled_endpoint_waits(
    world: World, told: str, waits_s: int
) -> None:
    world.configure("u1", "lark", **LARK)
    body = '{"code":99991400,"msg":"request trigger frequency limit"}'
    headers = {"x-ogw-ratelimit-reset": told} if told else {}
    world.endpoints.behave = lambda request: OutboundAnswer(429, headers, body)
    result = send(world, "lark", "x")
    assert result["code"] == "THROTTLED"
    [row] = world.logs()
    waited_ms = from_iso(row["next_retry_at"]) - from_iso(row["updated_at"])
    assert waits_s * 900 <= waited_ms <= waits_s * 1_100
    assert row["retry_count"] == 0
