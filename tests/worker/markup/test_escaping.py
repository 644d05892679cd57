"""Escaping, by the contract's vectors and by reading back what a channel would show."""

import html
import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.markup.escaping import (
    Escape,
    escape_html,
    escape_html_text,
    escape_json_string,
    escape_markdown,
    escape_markdown_v2,
    escape_markdown_value,
    escape_slack,
)
from notification.markup.lark import escape_lark_markdown
from tests.worker.markup.parsers import (
    read_lark_markdown,
    read_markdown_v2,
    read_slack,
    read_telegram_html,
    read_telegram_markdown,
)

pytestmark = pytest.mark.requirement("C-5.4")

MARKS = "_*[]()~`>#+-=|{}.!\\&<>\"'/;: a9é🙂\n"
TEXT = st.text(st.sampled_from(MARKS)) | st.text()
PAIRS = [
    (escape_markdown_v2, read_markdown_v2),
    (escape_markdown, read_telegram_markdown),
    (escape_html_text, read_telegram_html),
    (escape_html, read_telegram_html),
    (escape_html, html.unescape),
    (escape_lark_markdown, read_lark_markdown),
    (escape_slack, read_slack),
]


def test_the_contracts_vector_of_markdown_v2() -> None:
    assert escape_markdown_v2("CPU 95.5% (node-1) [high]! a_b*c") == (
        r"CPU 95\.5% \(node\-1\) \[high\]\! a\_b\*c"
    )
    assert escape_markdown_v2("CPU 95.5% (node-1)") == r"CPU 95\.5% \(node\-1\)"
    assert escape_markdown_v2("_*[]()~`>#+-=|{}.!\\") == "".join(
        "\\" + mark for mark in "_*[]()~`>#+-=|{}.!\\"
    )


def test_larks_markdown_gets_character_references() -> None:
    assert escape_lark_markdown("2*3 <at id=all></at>") == (
        "2&#42;3 &#60;at id=all&#62;&#60;/at&#62;"
    )
    assert escape_lark_markdown("# a\n- b - c") == "&#35; a\n&#45; b - c"


def test_the_contracts_vector_of_html() -> None:
    assert escape_html_text('<a href="https://x/y?a=1&b=2">') == (
        "&lt;a href=&quot;https:&#x2F;&#x2F;x&#x2F;y?a=1&amp;b=2&quot;&gt;"
    )


@pytest.mark.requirement("B-12")
def test_html_values_keep_their_slashes() -> None:
    assert escape_html("it's https://x/y?a=1&b=2") == "it&#x27;s https://x/y?a=1&amp;b=2"


def test_telegrams_older_markdown_escapes_four_characters() -> None:
    assert escape_markdown("a*b_c`d[e](f).") == r"a\*b\_c\`d\[e](f)."


@pytest.mark.requirement("B-16")
def test_slack_gets_entities_only() -> None:
    assert escape_slack("*a* _b_ ~c~ `d` <e> & f") == "*a* _b_ ~c~ `d` &lt;e&gt; &amp; f"


@settings(deadline=None)
@given(text=TEXT)
@pytest.mark.parametrize(("escape", "read"), PAIRS)
def test_escaped_text_shows_as_itself(
    escape: Escape, read: Callable[[str], str], text: str
) -> None:
    assert read(escape(text)) == text


@settings(deadline=None)
@given(text=TEXT)
def test_escaped_text_is_the_inside_of_a_json_string(text: str) -> None:
    assert json.loads(f'"{escape_json_string(text)}"') == text


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("a_b 1. c", "a\\_b 1. c"),
        ("# a\n  # b\n\t+ c + d", "\\# a\n  \\# b\n\t\\+ c + d"),
        ("@ann a@b @all a@ e@", "\\@ann a@b \\@all a@ e\\@"),
        ("!now wow!", "\\!now wow\\!"),
        ("no! way", "no! way"),
        ("[x](https://a/?b&c)", "\\[x\\]\\(https://a/?b\\&c\\)"),
        ("tg://user?id=1", "tg\\://user?id=1"),
        (":x: tg://", "\\:x: tg://"),
    ],
)
def test_a_value_is_text_in_every_dialect(value: str, escaped: str) -> None:
    assert escape_markdown_value(value) == escaped
