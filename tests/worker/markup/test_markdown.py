"""Markdown read into a document."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.markup.dialect import COMMON, Dialect
from notification.markup.document import (
    BOLD,
    CODE,
    FENCE,
    ITALIC,
    LINK,
    MENTION,
    QUOTE,
    STRIKE,
    Document,
)
from notification.markup.escaping import escape_markdown_value
from notification.markup.html import read_html
from notification.markup.lark import DIALECT as LARK
from notification.markup.markdown import read_markdown
from notification.markup.plain_text import clean
from notification.markup.slack import DIALECT as SLACK
from notification.markup.telegram import DIALECT as TELEGRAM

DIALECTS = {"common": COMMON, "telegram": TELEGRAM, "slack": SLACK, "lark": LARK}


def shown(source: str, dialect: Dialect = COMMON) -> tuple[str, list[tuple[str, str, str]]]:
    document = read_markdown(source, dialect)
    spans = [(s.kind, document.text[s.start : s.end], s.value) for s in document.spans]
    return document.text, spans


@pytest.mark.parametrize(
    ("source", "text", "spans"),
    [
        ("**b** _i_ ~~s~~", "b i s", [(BOLD, "b", ""), (ITALIC, "i", ""), (STRIKE, "s", "")]),
        ("***x***", "x", [(BOLD, "x", ""), (ITALIC, "x", "")]),
        ("> **x**", "x", [(QUOTE, "x", ""), (BOLD, "x", "")]),
        ("**[x](https://a.b)**", "x", [(BOLD, "x", ""), (LINK, "x", "https://a.b")]),
        ("[**x**](https://a.b)", "x", [(BOLD, "x", ""), (LINK, "x", "https://a.b")]),
        ("[`x`](https://a.b)", "x", [(LINK, "x", "https://a.b"), (CODE, "x", "")]),
        ("**`x`**", "x", [(BOLD, "x", ""), (CODE, "x", "")]),
        ("a*b*c", "abc", [(ITALIC, "b", "")]),
        ("snake_case_name 2 * 3 * 4", "snake_case_name 2 * 3 * 4", []),
        ("`a*b` ``c`d``", "a*b c`d", [(CODE, "a*b", ""), (CODE, "c`d", "")]),
        ("`open", "`open", []),
        ("```py\na `b`\n```\nc", "a `b`\nc", [(FENCE, "a `b`", "py")]),
        ("[x](https://a.b/c(d)) y", "x y", [(LINK, "x", "https://a.b/c(d)")]),
        ('![i](http://a.b "t")', "i", [(LINK, "i", "http://a.b")]),
        ("<https://a.b>", "https://a.b", [(LINK, "https://a.b", "https://a.b")]),
        ("[x](javascript:a) [y", "[x](javascript:a) [y", []),
        ("## T **x**\nb", "T x\nb", [(BOLD, "T x", "")]),
        ("> a\n> b\nc", "a\nb\nc", [(QUOTE, "a\nb", "")]),
        ("* a\n+ b\n- c", "• a\n• b\n- c", []),
        ("**a\n\nb**", "**a\n\nb**", []),
        ("\\*a\\* &lt;b&gt; &#65; &x;", "*a* <b> A &x;", []),
        ("array[0] Disk 95.5% full", "array[0] Disk 95.5% full", []),
        ("**a _b** c_", "a _b c_", [(BOLD, "a _b", "")]),
    ],
)
def test_common_markdown(source: str, text: str, spans: list[tuple[str, str, str]]) -> None:
    assert shown(source) == (text, spans)


def test_single_marks_mean_what_they_mean_in_the_channel() -> None:
    assert shown("*x*", TELEGRAM) == shown("*x*", SLACK) == ("x", [(BOLD, "x", "")])
    assert shown("*x*", LARK) == ("x", [(ITALIC, "x", "")])
    assert shown("2*3*4", SLACK) == ("2*3*4", [])
    assert shown("||x||", TELEGRAM) == ("x", [("spoiler", "x", "")])


def test_mentions_are_those_of_the_channel() -> None:
    assert shown("<@U1>", SLACK) == ("@U1", [(MENTION, "@U1", "@U1")])
    assert shown("<@U1>", LARK) == ("<@U1>", [])
    assert shown('<at user_id="ou_1">Ann</at>', LARK) == ("Ann", [(MENTION, "Ann", "ou_1")])
    assert shown("[A](tg://user?id=1)", TELEGRAM) == ("A", [(MENTION, "A", "tg://user?id=1")])
    assert shown("[A](tg://user?id=1)", SLACK) == ("[A](tg://user?id=1)", [])
    assert shown("<font color='red'>x</font>", LARK)[1] == [("tag", "x", "<font color='red'>")]


def unjoined(text: str) -> str:
    return text.replace("\u2060", "")


TEMPLATES = ["A {v} B", "{v}", "**{v}**", "`{v}`", "# {v}", "> {v}", "x{v}y", "<{v}>", "{v}{v}"]
VALUE = (
    st.text(st.sampled_from("*_~`[]()<>&!@#+-:|\\ a1\n/=?tgx."), max_size=30) | st.text(max_size=30)
).map(clean)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("name", DIALECTS)
@settings(deadline=None, max_examples=40)
@given(VALUE.filter(lambda value: value != "" and value.isprintable()))
def test_an_escaped_value_is_text_wherever_it_stands(name: str, template: str, value: str) -> None:
    plain = read_markdown(template.replace("{v}", "v"), DIALECTS[name])
    document = read_markdown(template.replace("{v}", escape_markdown_value(value)), DIALECTS[name])
    # An at sign that mentions nobody may have a joiner behind it, which isn't seen.
    assert unjoined(document.text) == unjoined(plain.text.replace("v", value))
    assert [s.kind for s in document.spans] == [s.kind for s in plain.spans]


@settings(deadline=None, max_examples=200)
@given(
    st.text(st.sampled_from("*_~`[]()<>&!@#+-:|\\ a1\n/=?.")) | st.text(),
    st.sampled_from(list(DIALECTS)),
)
def test_any_text_is_read_and_its_spans_nest(source: str, name: str) -> None:
    assert_nested(read_markdown(source, DIALECTS[name]))
    assert_nested(read_html(source))


def assert_nested(document: Document) -> None:
    around: list[Any] = []
    for span in document.spans:
        assert 0 <= span.start < span.end <= len(document.text)
        while around and around[-1].end <= span.start:
            around.pop()
        assert not around or span.end <= around[-1].end
        around.append(span)


HOSTILE = [
    "*a ", "**", "`", "``a`", "[", "[a](", "](x", "](<", '](a "', "<", "<a ", "<at id=", "<!--",
    "&", "> ", "# ", "```\n", "\\", "_a*b~", "<b>", "</b>", "<b ", 'a="', "[x](y) ", "*_~|",
    "<!date^", "<@", "<font>", "\n", "!["
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
@pytest.mark.parametrize("name", ["html", *DIALECTS])
def test_reading_takes_steps_in_proportion_to_the_length(unit: str, name: str) -> None:
    def steps(count: int) -> int:
        source = unit * count
        return _lines_run(
            (lambda: read_html(source))
            if name == "html"
            else (lambda: read_markdown(source, DIALECTS[name]))
        )

    assert steps(800) <= 2 * steps(400) + 200


def _lines_run(work: Any) -> int:
    """Return how many lines of Python a call runs."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count
