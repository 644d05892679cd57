"""What a channel is sent, read by parsers that aren't ours, is the value that was given."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.channels.channel import Message
from notification.channels.registry import CHANNELS
from notification.markup.plain_text import clean
from notification.templates.contents import render_contents
from notification.templates.stored_template import TemplateText
from tests.worker.channels.test_values_in_templates import CONFIGS, MARKS, MENTIONS, POLICY, VALUES
from tests.worker.markup.foreign_parsers import (
    Seen,
    see_commonmark,
    see_discord,
    see_slack,
    see_telegram,
)

pytestmark = pytest.mark.requirement("C-5.4", "C-4", "C-0.33")

DAILY, SOAKED = 40, 2_000
AUTOMATIC = {"link", "url", "autolink"}
"""What a reader makes of an address that stands in a plain text."""


JOINER = "\u2060"


def unspaced(text: str) -> str:
    """Leave the white space out, which these readers trim or write anew."""
    return "".join(text.split())


class Case(NamedTuple):
    """A content type of a channel, and who reads the body."""

    channel: str
    content_type: str
    see: Callable[[Any], Seen]
    config: Mapping[str, Any] = MappingProxyType({})


def telegram(content_type: str, mode: str) -> Case:
    return Case(
        "telegram",
        content_type,
        lambda body: see_telegram(body["text"], body["parse_mode"]),
        {"parse_mode": mode},
    )


def slack(body: Any) -> Seen:
    """See a text of Slack's without backticks: the parser doesn't tell how many marked code."""
    seen = see_slack(body["text"])
    return seen._replace(text=seen.text.replace("`", ""))


def lark(body: Any) -> Seen:
    return see_commonmark(body["card"]["elements"][0]["content"])


CASES = [
    telegram("text", "MarkdownV2"),
    telegram("text", "Markdown"),
    telegram("text", "HTML"),
    telegram("markdown", "MarkdownV2"),
    telegram("html", "HTML"),
    Case("slack", "markdown", slack),
    Case("slack", "html", slack),
    *(
        Case("discord", kind, lambda body: see_discord(body["content"]))
        for kind in ("text", "markdown", "html")
    ),
    Case("lark", "text", lark, {"msg_type": "markdown"}),
    Case("lark", "markdown", lark),
    Case("lark", "html", lark),
]


def sent(case: Case, content: str, value: str) -> Any:
    """Return the body of the call that carries a template with a value."""
    text = TemplateText(case.content_type, content, None)
    rendered = render_contents(text, {"v": value}, channel=case.channel)
    assert rendered.problem == ""
    message = Message("ntf_1", "u1", rendered.content, None, case.content_type, "t")
    config = {**CONFIGS[case.channel], **case.config}
    [call] = CHANNELS[case.channel].compose(message, config, policy=POLICY, now_ms=0)
    return json.loads(call.body)


def judge(case: Case, value: str) -> None:
    seen = case.see(sent(case, "A {{v}} B", value))
    if case.channel == "telegram":
        # It has no escape for `@name`: what parts the two isn't seen.
        assert seen.text.replace(JOINER, "") == f"A {value} B".replace(JOINER, "")
    else:
        shown = value.replace("`", "") if case.channel == "slack" else value
        assert unspaced(seen.text) == unspaced(f"A {shown} B")
    assert seen.mentions == ()
    # Slack has no escape for its marks (they stay visible in `text` all the same).
    if case.channel != "slack":
        assert set(seen.marks) <= AUTOMATIC


def named(case: Case) -> str:
    return "-".join([case.channel, case.content_type, *case.config.values()])


NAMES = st.sampled_from(["@durov", "a@durov", "(@durov)", "x @durov, @other_1"])
PIECES = st.lists(MENTIONS | NAMES | st.text(st.sampled_from(MARKS), max_size=8), max_size=6).map(
    lambda pieces: clean(" ".join(pieces))
)
ANY_VALUE = (VALUES | MENTIONS | PIECES).filter(lambda value: value != "")


@pytest.mark.parametrize("case", CASES, ids=named)
@settings(deadline=None, max_examples=DAILY)
@given(value=ANY_VALUE)
def test_a_foreign_parser_reads_the_value_that_was_given(case: Case, value: str) -> None:
    judge(case, value)


@pytest.mark.soak
@pytest.mark.parametrize("case", CASES, ids=named)
@settings(deadline=None, max_examples=SOAKED)
@given(value=ANY_VALUE)
def test_a_foreign_parser_reads_each_of_two_thousand_values(case: Case, value: str) -> None:
    judge(case, value)
