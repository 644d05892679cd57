"""A template's value comes out of each channel's call as it went in, read as the channel does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.channels.channel import Message
from notification.channels.endpoint import EndpointPolicy
from notification.channels.registry import CHANNELS
from notification.markup.plain_text import clean
from notification.templates.contents import render_contents
from notification.templates.stored_template import TemplateText
from tests.worker.markup.parsers import (
    read_discord,
    read_lark_markdown,
    read_markdown_v2,
    read_slack,
    read_telegram_html,
    read_telegram_markdown,
)

POLICY = EndpointPolicy(allow_loopback=False, allow_http=False)
CONFIGS: dict[str, dict[str, Any]] = {
    "webhook": {"webhook_url": "https://example.com/hook"},
    "telegram": {"bot_token": "123:token", "chat_id": 1},
    "lark": {"webhook_url": "https://open.feishu.cn/open-apis/bot/v2/hook/id"},
    "slack": {"webhook_url": "https://hooks.slack.com/services/a/b/c"},
    "discord": {"webhook_url": "https://discord.com/api/webhooks/1/abc"},
    "teams": {"webhook_url": "https://x.logic.azure.com/workflows/1/triggers/manual/paths/invoke"},
    "ntfy": {"topic": "alerts"},
}

MARKS = "_*[]()~`>#+-=|{}.!\\&<>\"'/;:@ a9é🙂"
VALUES = (st.text(st.sampled_from(MARKS), max_size=60) | st.text(max_size=60)).filter(
    lambda value: value != "" and clean(value) == value
)


MENTIONS = st.sampled_from(
    [
        "<at id=all></at>",
        '<at user_id="all">all</at>',
        "<AT id=all>",
        "<!channel>",
        "<!here|x>",
        "<@U123>",
        "[x](tg://user?id=1)",
        '<a href="tg://user?id=1">x</a>',
        "@everyone",
        "# heading",
        "> quote",
        "```x```",
    ]
)
"""Texts that would mention somebody or become markup, if a channel read them."""


class Case(NamedTuple):
    """A content of a channel, and how the channel reads what it is sent."""

    channel: str
    content_type: str
    read: Callable[[Any], str]
    config: Mapping[str, Any] = MappingProxyType({})
    content: str = "A {{v}} B"


def telegram(content_type: str, mode: str, read: Callable[[str], str]) -> Case:
    return Case("telegram", content_type, lambda body: read(body["text"]), {"parse_mode": mode})


def lark_card(body: Any) -> str:
    return read_lark_markdown(body["card"]["elements"][0]["content"])


def lark_text(body: Any) -> str:
    if body["msg_type"] == "text":
        text = str(body["content"]["text"])
        assert "<at" not in text.lower()
        return text
    lines = body["content"]["post"]["zh_cn"]["content"]
    assert all(element["tag"] == "text" for line in lines for element in line)
    return "\n".join("".join(element["text"] for element in line) for line in lines)


def discord_text(body: Any) -> str:
    assert body["allowed_mentions"] == {"parse": [], "users": [], "roles": []}
    return read_discord(body["content"])


def teams_text(body: Any) -> str:
    [attachment] = body["attachments"]
    lines = ["".join(r["text"] for r in b["inlines"]) for b in attachment["content"]["body"]]
    return "\n".join("" if line == " " else line for line in lines)


KINDS = ("text", "markdown", "html")
CASES = [
    Case("webhook", "text", lambda body: str(body["content"])),
    # Which Markdown a webhook's receiver reads is its own matter: values are left alone.
    Case("webhook", "markdown", lambda body: str(body["content"])),
    Case("webhook", "html", lambda body: read_telegram_html(body["content"])),
    Case(
        "webhook", "json", lambda body: str(body["x"]), {"payload_mode": "raw"}, '{"x":"A {{v}} B"}'
    ),
    telegram("text", "MarkdownV2", read_markdown_v2),
    telegram("text", "Markdown", read_telegram_markdown),
    telegram("text", "HTML", read_telegram_html),
    telegram("markdown", "MarkdownV2", read_telegram_html),
    telegram("markdown", "Markdown", read_telegram_html),
    telegram("html", "MarkdownV2", read_telegram_html),
    Case("lark", "text", lark_text),
    Case("lark", "text", lark_card, {"msg_type": "markdown"}),
    Case("lark", "markdown", lark_card),
    Case("lark", "html", lark_card),
    Case("lark", "markdown", lark_text, {"msg_type": "text"}),
    Case("lark", "html", lark_text, {"msg_type": "text"}),
    Case("lark", "markdown", lark_card, {"msg_type": "interactive"}),
    Case(
        "lark",
        "json",
        lambda body: str(body["content"]["text"]),
        content='{"msg_type":"text","content":{"text":"A {{v}} B"}}',
    ),
    Case("slack", "text", lambda body: read_slack(body["text"])),
    Case("slack", "markdown", lambda body: read_slack(body["text"])),
    Case("slack", "html", lambda body: read_slack(body["text"])),
    *(Case("discord", kind, discord_text) for kind in KINDS),
    *(Case("teams", kind, teams_text) for kind in KINDS),
    *(Case("ntfy", kind, lambda body: str(body["message"])) for kind in KINDS),
]
UNSEEN = str.maketrans({"\u00a0": " ", "\t": " ", "\u2060": None})
"""What a channel may write for a space, and what parts a name from its at sign: nobody sees it."""
BY_THEIR_TESTS = sorted(CHANNELS.keys() - CONFIGS.keys())
for name in BY_THEIR_TESTS:
    # A channel's own test says how it reads what it is sent.
    own = import_module(f"tests.worker.channels.test_{name}")
    CONFIGS[name] = dict(CHANNELS[name].sample)
    CASES += [Case(name, kind, own.read_call) for kind in KINDS]


def test_every_channel_has_a_reader_of_each_content_type() -> None:
    read = {(case.channel, case.content_type) for case in CASES}
    assert {(channel, kind) for channel in CHANNELS for kind in KINDS} <= read


@pytest.mark.requirement("C-5.4", "C-4", "B-12", "B-13")
@pytest.mark.parametrize(
    "case",
    CASES,
    ids=lambda case: "-".join([case.channel, case.content_type, *case.config.values()]),
)
@settings(deadline=None, max_examples=60)
@given(value=VALUES | MENTIONS)
def test_a_value_is_read_as_it_was_given(case: Case, value: str) -> None:
    config = {**CONFIGS[case.channel], **case.config}
    rendered = render_contents(
        TemplateText(case.content_type, case.content, None),
        {"v": value},
        channel=case.channel,
    )
    assert rendered.problem == ""
    message = Message("ntf_1", "u1", rendered.content, None, case.content_type, "t")
    [call] = CHANNELS[case.channel].compose(message, config, policy=POLICY, now_ms=0)
    read, given = case.read(json.loads(call.body)), f"A {value} B"
    if case.channel == "telegram":
        # It has no escape for `@name`: what parts the two isn't seen.
        read, given = read.replace("\u2060", ""), given.replace("\u2060", "")
    if case.channel in BY_THEIR_TESTS:
        read, given = read.translate(UNSEEN), given.translate(UNSEEN)
    assert read == given
