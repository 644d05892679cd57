"""Messages as their channels draw them, from the very calls that would go out."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.console.open_console import OpenConsole


def drawn(console: OpenConsole, channel: str, payload: dict[str, Any]) -> Locator:
    """Open a template whose preview the service answers with this call, and return the drawing."""
    page = console.page
    preview: dict[str, Any] = {"subject": None, "content": "", "content_type": "text"}
    preview["missing_variables"] = []
    answer = {"success": True, "data": {channel: {**preview, "payloads": [payload]}}}
    page.route("**/preview", lambda route: route.fulfill(body=json.dumps(answer)))
    page.goto(f"{console.url}#/templates/system_alert")
    found = page.locator(f".preview[data-channel={channel}] .bubble")
    expect(found).to_be_visible()
    return found


def markup(bubble: Locator, part: str = ".drawn-text") -> str:
    """The drawing's elements, without what the page adds to them."""
    return re.sub(r' (class|title)="[^"]*"', "", bubble.locator(part).first.inner_html())


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _italic_ __under__ ~gone~", "<b>bold</b> <i>italic</i> <u>under</u> <s>gone</s>"),
        ("`a_b*c` and ```\nx = 1```", "<code>a_b*c</code> and <pre>\nx = 1</pre>"),
        (r"5 \* 3 \= 15 \(sure\)\!", "5 * 3 = 15 (sure)!"),
        ("*bold _and italic_*", "<b>bold <i>and italic</i></b>"),
        ("one * alone and [not a link]", "one * alone and [not a link]"),
        (r"[the docs](https://example.com/a\)b)", "<span>the docs</span>"),
    ],
)
def test_telegrams_markdown_is_drawn(console: OpenConsole, text: str, html: str) -> None:
    bubble = drawn(console, "telegram", {"text": text, "parse_mode": "MarkdownV2"})
    assert markup(bubble) == html


def test_telegrams_html_is_drawn_and_every_other_element_is_text(console: OpenConsole) -> None:
    text = '<b>Bold</b> <a href="https://example.com">link</a> <em>i</em><script>x()</script>'
    bubble = drawn(
        console, "telegram", {"text": f"{text}<h1>big</h1> &lt;b&gt;", "parse_mode": "HTML"}
    )
    assert markup(bubble) == ("<b>Bold</b> <span>link</span> <i>i</i>x()big &lt;b&gt;")
    expect(bubble.get_by_text("link")).to_have_attribute("title", "https://example.com")


def test_telegrams_plain_text_keeps_its_marks(console: OpenConsole) -> None:
    assert markup(drawn(console, "telegram", {"text": "*not bold*"})) == "*not bold*"


def test_slacks_blocks_are_drawn_with_entities_links_and_mentions(console: OpenConsole) -> None:
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "*Heading*"}},
        {
            "type": "section",
            "text": {
                "type": "mrkdwn",
                "text": "*b* &lt;i&gt; &amp; <https://example.com|a link> <!channel> `c`",
            },
        },
        {"type": "section", "text": {"type": "plain_text", "text": "*plain*"}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "_small_"}]},
    ]
    bubble = drawn(console, "slack", {"username": "Bot", "text": "x", "blocks": blocks})
    expect(bubble.locator(".author")).to_contain_text("Bot")
    assert markup(bubble, ".drawn-subject") == "*Heading*"
    assert markup(bubble) == (
        "<b>b</b> &lt;i&gt; &amp; <span>a link</span> <span>@channel</span> <code>c</code>"
    )
    expect(bubble.locator(".drawn-text").nth(1)).to_have_text("*plain*")
    assert markup(bubble, ".hint") == "<i>small</i>"
    expect(bubble.get_by_text("a link")).to_have_attribute("title", "https://example.com")


def test_slacks_text_without_blocks_is_drawn(console: OpenConsole) -> None:
    bubble = drawn(console, "slack", {"username": "Bot", "text": "only *text*"})
    assert markup(bubble) == "only <b>text</b>"


def test_larks_cards_and_texts_are_drawn(console: OpenConsole) -> None:
    card = {
        "header": {"title": {"tag": "plain_text", "content": "Title"}},
        "elements": [
            {
                "tag": "markdown",
                "content": r"**bold** ~~gone~~ *i* [l](https://example.com) &#42;a &lt;",
            },
            {"tag": "hr"},
            {"tag": "div", "text": {"tag": "plain_text", "content": "**plain**"}},
        ],
    }
    bubble = drawn(console, "lark", {"msg_type": "interactive", "card": card})
    expect(bubble.locator(".lark-header")).to_have_text("Title")
    assert markup(bubble) == "<b>bold</b> <s>gone</s> <i>i</i> <span>l</span> *a &lt;"
    expect(bubble.locator("hr")).to_have_count(1)
    expect(bubble.locator(".drawn-text").nth(1)).to_have_text("**plain**")


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"msg_type": "text", "content": {"text": "**as it is**"}}, "**as it is**"),
        ({"msg_type": "post", "content": {"post": {}}}, '"msg_type": "post"'),
    ],
)
def test_larks_other_messages_are_shown_as_they_are(
    console: OpenConsole, payload: dict[str, Any], text: str
) -> None:
    expect(drawn(console, "lark", payload)).to_contain_text(text)


def test_marks_without_a_partner_are_shown_however_many_there_are(console: OpenConsole) -> None:
    text = "[" * 60_000 + "*_~`"
    bubble = drawn(console, "telegram", {"text": text, "parse_mode": "MarkdownV2"})
    assert len(bubble.locator(".drawn-text").inner_text()) == len(text)
