"""The Slack channel."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.channels.channel import Message
from notification.channels.endpoint import EndpointPolicy
from notification.channels.slack import SlackChannel
from tests.worker.endpoints import answer
from tests.worker.world import World

pytestmark = pytest.mark.requirement("C-4.4")

HOOK = "https://hooks.slack.com/services/T0/B0/x"
POLICY = EndpointPolicy(allow_loopback=False, allow_http=False)
NOW_MS = 1_736_100_000_000


def _body(content: str, *, subject: str | None = None, kind: str = "text", **config: Any) -> Any:
    message = Message("id", "u1", content, subject, kind, None)
    [request] = SlackChannel().compose(
        message, {"webhook_url": HOOK, **config}, policy=POLICY, now_ms=NOW_MS
    )
    return json.loads(request.body)


def test_without_a_subject_the_payload_is_plain() -> None:
    assert _body("CPU 95%") == {
        "text": "CPU 95%",
        "mrkdwn": False,
        "username": "Notification Bot",
        "icon_emoji": ":bell:",
    }


def test_with_a_subject_it_has_header_section_and_context() -> None:
    body = _body("CPU 95%", subject="Alert", channel="#ops")
    assert body["text"] == "Alert"
    assert body["channel"] == "#ops"
    assert body["blocks"] == [
        {"type": "header", "text": {"type": "plain_text", "text": "Alert", "emoji": True}},
        {"type": "section", "text": {"type": "plain_text", "text": "CPU 95%", "emoji": False}},
        {
            "type": "context",
            "elements": [
                {
                    "type": "mrkdwn",
                    "text": "Sent at <!date^1736100000^{date_short_pretty} {time}"
                    "|2025-01-05T18:00:00.000Z>",
                }
            ],
        },
    ]


def test_blocks_and_attachments_on_request() -> None:
    kinds = [block["type"] for block in _body("x", use_blocks=True)["blocks"]]
    assert kinds == ["section", "context"]
    body = _body("x", subject="S", use_attachments=True, color="danger", thread_ts="1.2")
    assert body["attachments"] == [
        {"color": "danger", "pretext": "S", "text": "x", "mrkdwn_in": [], "ts": 1_736_100_000}
    ]
    assert body["thread_ts"] == "1.2"
    assert "blocks" not in body


@pytest.mark.requirement("B-16")
def test_plain_text_is_escaped_by_entities_and_markdown_left_alone() -> None:
    assert _body("a & b <c> *d*")["text"] == "a &amp; b &lt;c&gt; *d*"
    assert _body("*bold* <https://x.example|x>", kind="markdown")["text"] == (
        "*bold* <https://x.example|x>"
    )


def test_marked_text_goes_where_markup_is_read() -> None:
    body = _body("**x** *y*", subject="S", kind="markdown")
    assert body["blocks"][1]["text"] == {"type": "mrkdwn", "text": "*x* *y*"}
    attached = _body("**x**", subject="S", kind="markdown", use_attachments=True)
    assert attached["attachments"][0]["mrkdwn_in"] == ["text"]


def test_a_templates_broadcast_needs_permission() -> None:
    assert _body("<!everyone> up", kind="markdown")["text"] == "@everyone up"
    allowed = _body("<!everyone> up", kind="markdown", allow_broadcast=True)
    assert allowed["text"] == "<!everyone> up"


@pytest.mark.requirement("B-17")
def test_long_texts_are_split_into_sections_that_slack_takes() -> None:
    body = _body("word " * 2_000, subject="s" * 400)
    assert len(body["blocks"][0]["text"]["text"]) <= 150
    sections = [b["text"]["text"] for b in body["blocks"] if b["type"] == "section"]
    assert len(sections) > 3
    assert all(len(section) <= 3_000 for section in sections)
    assert len(_body("x" * 100_000, subject="s")["blocks"]) <= 50


@pytest.mark.parametrize(("channel", "used"), [("@ann", True), ("ops", False), ("", False)])
def test_only_a_channel_with_its_sign_is_used(channel: str, used: bool) -> None:
    assert ("channel" in _body("x", channel=channel)) is used


@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        (200, "ok", "sent"),
        (200, '{"ok":true}', "sent"),
        (200, "invalid_blocks", "failed"),
        (200, "", "retry_scheduled"),
        (200, '{"ok":false}', "retry_scheduled"),
        (404, "no_service", "failed"),
        (429, "rate_limited", "retry_scheduled"),
        (500, "x", "retry_scheduled"),
    ],
)
def test_answers_are_judged(world: World, status: int, body: str, shown: str) -> None:
    world.configure("u1", "slack", webhook_url=HOOK)
    world.endpoints.behave = lambda request: answer(status, body)
    [result] = world.send(channels=["slack"]).json["results"]
    assert result["status"] == shown
    if body == "invalid_blocks":
        assert (result["error"], result["code"]) == (
            "Slack API error: invalid_blocks",
            "SLACK_ERROR",
        )


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"webhook_url": "https://example.com/services/T0/B0/x"},
        {"webhook_url": "https://hooks.slack.com/"},
        {"webhook_url": HOOK, "username": 5},
        {"webhook_url": HOOK, "allow_broadcast": "yes"},
    ],
)
def test_a_configuration_that_cannot_work_is_refused(world: World, config: dict[str, Any]) -> None:
    document = {"user_id": "u1", "channel_type": "slack", "config_data": config}
    assert world.request("POST", "/api/user-configs", document).status == 400


def test_four_channels_go_out_together_and_each_has_its_row(world: World) -> None:
    world.environment["ALLOW_LOOPBACK_ENDPOINTS"] = "true"
    hook = "http://127.0.0.1:8789/x"
    for channel in ("webhook", "lark", "slack"):
        world.configure("u1", channel, webhook_url=hook)
    world.configure("u1", "telegram", bot_token="1:" + "x" * 30, chat_id="1")
    world.endpoints.behave = lambda request: answer(200, '{"ok":true,"code":0}')
    order = ["slack", "webhook", "telegram", "lark"]
    before = world.database.calls
    results = world.send(channels=order).json["results"]
    assert [r["channelType"] for r in results] == order
    assert {r["status"] for r in results} == {"sent"}
    assert len({r["messageId"] for r in results}) == 4
    assert world.database.calls - before == 3


def test_a_channel_without_a_configuration_fails_beside_the_others(world: World) -> None:
    world.configure()
    first, second = world.send(channels=["webhook", "slack"]).json["results"]
    assert first["status"] == "sent"
    assert (second["status"], second["code"]) == ("failed", "CHANNEL_NOT_CONFIGURED")
    assert second["error"] == "No active configuration for channel slack"
    assert [row["status"] for row in world.logs()].count("failed") == 1
