"""Messages as their channels draw them, from the very calls that would go out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.console.conftest import opened_page
from tests.console.open_console import OpenConsole
from tests.installation import Installation


@pytest.fixture(scope="module")
def console(browser: Browser, served: Installation) -> Iterator[OpenConsole]:
    """One console for all drawings: nothing of a drawing stays."""
    with opened_page(browser) as page:
        opened = OpenConsole(page, served)
        opened.sign_in()
        yield opened


def drawn(console: OpenConsole, channel: str, payload: dict[str, Any]) -> Locator:
    """Open a template whose preview the service answers with this call, and return the drawing."""
    page = console.page
    preview: dict[str, Any] = {"subject": None, "content": "", "content_type": "text"}
    preview["missing_variables"] = []
    answer = {"success": True, "data": {channel: {**preview, "payloads": [payload]}}}
    # The template is opened anew, though it may be open already.
    page.goto(f"{console.url}#/notifications")
    page.unroute("**/preview")
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
        ("`a_b*c` and ```\nx = 1```", "<code>a_b*c</code> and <pre>x = 1</pre>"),
        (r"5 \* 3 \= 15 \(sure\)\!", "5 * 3 = 15 (sure)!"),
        ("*bold _and italic_*", "<b>bold <i>and italic</i></b>"),
        ("one * alone and [not a link]", "one * alone and [not a link]"),
        (r"[the docs](https://example.com/a\)b)", "<span>the docs</span>"),
        ("before\n>first\n>second\nafter", "before<blockquote>first\nsecond</blockquote>after"),
        ("```\n>no quote\n```", "<pre>&gt;no quote</pre>"),
    ],
)
def test_telegrams_markdown_is_drawn(console: OpenConsole, text: str, html: str) -> None:
    bubble = drawn(console, "telegram", {"text": text, "parse_mode": "MarkdownV2"})
    assert markup(bubble) == html


def test_telegrams_html_is_drawn_and_every_other_element_is_text(console: OpenConsole) -> None:
    text = '<b>Bold</b> <a href="https://example.com">link</a> <em>i</em><script>x()</script>'
    text += "<tg-spoiler>end</tg-spoiler><blockquote>q</blockquote>\n"
    bubble = drawn(
        console, "telegram", {"text": f"{text}<h1>big</h1> &lt;b&gt;", "parse_mode": "HTML"}
    )
    assert markup(bubble) == (
        "<b>Bold</b> <span>link</span> <i>i</i>x()<span>end</span>"
        "<blockquote>q</blockquote>big &lt;b&gt;"
    )
    expect(bubble.locator(".drawn-spoiler")).to_have_text("end")
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
                "content": r"**bold** ~~gone~~ *i* [l](https://example.com) &#42;a &lt;"
                " <at id=all></at>",
            },
            {"tag": "hr"},
            {"tag": "div", "text": {"tag": "plain_text", "content": "**plain**"}},
        ],
    }
    bubble = drawn(console, "lark", {"msg_type": "interactive", "card": card})
    expect(bubble.locator(".lark-header")).to_have_text("Title")
    assert markup(bubble) == (
        "<b>bold</b> <s>gone</s> <i>i</i> <span>l</span> *a &lt; <span>@all</span>"
    )
    expect(bubble.locator("hr")).to_have_count(1)
    expect(bubble.locator(".drawn-text").nth(1)).to_have_text("**plain**")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**b** *i* _i_ __u__ ~~s~~", "<b>b</b> <i>i</i> <i>i</i> <u>u</u> <s>s</s>"),
        ("||secret|| `a_b`", "<span>secret</span> <code>a_b</code>"),
        ("```py\nx = 1\n```", "<pre>x = 1</pre>"),
        ("> quoted\nnot", "<blockquote>quoted</blockquote>not"),
        (r"a\_b \<\@1\> \*", "a_b &lt;@1&gt; *"),
        ("<@7> <@&8> <#9> @here", "<span>@7</span> <span>@8</span> <span>#9</span> @here"),
        ("[x](https://example.com)", "<span>x</span>"),
        (
            "<https://a.b/c> <http> <ftp://a>",
            "<span>https://a.b/c</span> &lt;http&gt; &lt;ftp://a&gt;",
        ),
    ],
)
def test_discords_markdown_is_drawn(console: OpenConsole, text: str, html: str) -> None:
    bubble = drawn(console, "discord", {"content": text, "username": "Ops"})
    expect(bubble.locator(".author")).to_have_text("🔔Ops APP")
    assert markup(bubble) == html


def test_google_chats_markdown_is_drawn(console: OpenConsole) -> None:
    text = (
        "**b** _i_ ~~s~~ `c_` [x](https://example.com) <users/7> \\<users/8\\> a\\_b <http://c.d>"
    )
    bubble = drawn(console, "googlechat", {"text": text, "markupSyntax": "MARKUP_SYNTAX_MARKDOWN"})
    expect(bubble.locator(".author")).to_have_text("🔔The webhook's name App")
    assert markup(bubble) == (
        "<b>b</b> <i>i</i> <s>s</s> <code>c_</code> <span>x</span> <span>@7</span>"
        " &lt;users/8&gt; a_b <span>http://c.d</span>"
    )


def test_a_teams_card_is_drawn_run_by_run(console: OpenConsole) -> None:
    def block(*runs: dict[str, Any]) -> dict[str, Any]:
        return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run} for run in runs]}

    body = [
        block({"text": "Title", "size": "Large", "weight": "Bolder"}),
        block(
            {"text": "bold", "weight": "Bolder"},
            {"text": " **literal** "},
            {"text": "both", "italic": True, "strikethrough": True},
            {"text": "code", "fontType": "Monospace"},
            {"text": "link", "selectAction": {"url": "https://example.com"}, "underline": True},
        ),
    ]
    attachment = {"content": {"type": "AdaptiveCard", "body": body}}
    bubble = drawn(console, "teams", {"type": "message", "attachments": [attachment]})
    expect(bubble.locator(".drawn-subject")).to_have_text("Title")
    assert markup(bubble) == (
        "<b>bold</b> **literal** <i><s>both</s></i><code>code</code><span><u>link</u></span>"
    )
    expect(bubble.locator(".drawn-link")).to_have_attribute("title", "https://example.com")


def test_a_push_notification_is_drawn_with_title_priority_and_tags(console: OpenConsole) -> None:
    payload = {"topic": "ops", "message": "**plain**", "priority": 5, "tags": ["warning", "disk"]}
    bubble = drawn(console, "ntfy", {**payload, "title": "Disk"})
    expect(bubble.locator(".drawn-subject")).to_have_text("Disk")
    assert markup(bubble) == "**plain**"
    expect(bubble.locator(".author")).to_contain_text("priority 5")
    expect(bubble).to_contain_text("Tags: warning, disk")


def test_a_push_notification_without_a_title_has_its_topic_and_no_usual_priority(
    console: OpenConsole,
) -> None:
    bubble = drawn(console, "ntfy", {"topic": "ops", "message": "m"})
    expect(bubble.locator(".drawn-subject")).to_have_text("ntfy.sh/ops")
    expect(bubble.locator(".author")).not_to_contain_text("priority")


@pytest.mark.parametrize(
    ("channel", "payload", "text"),
    [
        ("lark", {"msg_type": "text", "content": {"text": "**as it is**"}}, "**as it is**"),
        ("lark", {"msg_type": "post", "content": {"post": {}}}, '"msg_type": "post"'),
        ("teams", {"type": "other"}, '"type": "other"'),
    ],
)
def test_other_messages_are_shown_as_they_are(
    console: OpenConsole, channel: str, payload: dict[str, Any], text: str
) -> None:
    expect(drawn(console, channel, payload)).to_contain_text(text)


def test_marks_without_a_partner_are_shown_however_many_there_are(console: OpenConsole) -> None:
    text = "[" * 60_000 + "*_~`"
    bubble = drawn(console, "telegram", {"text": text, "parse_mode": "MarkdownV2"})
    assert len(bubble.locator(".drawn-text").inner_text()) == len(text)
