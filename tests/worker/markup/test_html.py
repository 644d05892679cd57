"""HTML read into a document."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.markup.dialect import Dialect
from notification.markup.document import (
    BOLD,
    CODE,
    FENCE,
    ITALIC,
    LINK,
    MENTION,
    QUOTE,
    SPOILER,
    STRIKE,
    UNDERLINE,
)
from notification.markup.escaping import escape_html_value
from notification.markup.html import read_html


def shown(source: str, mention_scheme: str = "") -> tuple[str, list[tuple[str, str, str]]]:
    document = read_html(source, Dialect({}, mention_scheme=mention_scheme))
    spans = [(s.kind, document.text[s.start : s.end], s.value) for s in document.spans]
    return document.text, spans


@pytest.mark.parametrize(
    ("source", "text", "spans"),
    [
        ("<b>Hi</b> you<br>", "Hi you\n", [(BOLD, "Hi", "")]),
        ("<p>a</p><p>b <em>c</em></p>", "a\nb c", [(ITALIC, "c", "")]),
        ("<ul><li>a</li><li>b</li></ul>", "• a\n• b", []),
        ("<h1>T</h1>text", "T\ntext", [(BOLD, "T", "")]),
        ("<A HREF='https://x'>l</A>", "l", [(LINK, "l", "https://x")]),
        ('<a href="javascript:x">l</a>', "l", []),
        ('<a href="tg://user?id=1">l</a>', "l", []),
        ("1 < 2 &lt;b&gt; &#x41;&nbsp;", "1 < 2 <b> A ", []),
        ('<pre><code class="language-py">x\ny</code></pre>z', "x\nyz", [(FENCE, "x\ny", "py")]),
        ("<blockquote>q</blockquote>", "q", [(QUOTE, "q", "")]),
        ("a<blockquote>q</blockquote>b", "a\nq\nb", [(QUOTE, "q", "")]),
        ("<b><blockquote>q</blockquote></b>", "q", [(QUOTE, "q", ""), (BOLD, "q", "")]),
        ("<blockquote><b>q</b></blockquote>", "q", [(QUOTE, "q", ""), (BOLD, "q", "")]),
        ("<i><u>q</u></i>", "q", [(ITALIC, "q", ""), (UNDERLINE, "q", "")]),
        ('<span class="tg-spoiler">s</span><span>t</span>', "st", [(SPOILER, "s", "")]),
        ("<script>alert(1)</script>ok<!-- no -->", "ok", []),
        ("<b>a<i>b</b>c</i>", "abc", [(BOLD, "ab", ""), (ITALIC, "b", "")]),
        ("<b><b>a</b>b</b>", "ab", [(BOLD, "ab", "")]),
        ("line\nline", "line\nline", []),
        ("</style>ok<STYLE>no</p></style>k", "okk", []),
        ("<script>a</style>b", "", []),
        ("a<br/>b<BR >c", "a\nb\nc", []),
        ("<p>a</p>\n<p>b</p>", "a\nb", []),
        ("<p>a</p> <p> b", "a \n b", []),
        ("<p>a</p><p></p><b>b</b>", "a\nb", [(BOLD, "b", "")]),
        ("<p></p>a<p>", "a", []),
        ("<span>" * 15 + "<b>x", "x", [(BOLD, "x", "")]),
        ("<span>" * 16 + "<b>x", "x", []),
        ("<span>" * 16 + "</span><b>x", "x", [(BOLD, "x", "")]),
        (
            f'<pre><code class="language-{"l" * 31}">x</code></pre>',
            "x",
            [(FENCE, "x", "l" * 30)],
        ),
        ("<code class='language-py'>x</code>", "x", [(CODE, "x", "")]),
        ("<pre><b>x</b><code class='language-py'>y", "xy", [(FENCE, "xy", "py"), (BOLD, "x", "")]),
        ("<b></b><i>x</i></u>", "x", [(ITALIC, "x", "")]),
    ],
)
def test_html(source: str, text: str, spans: list[tuple[str, str, str]]) -> None:
    assert shown(source) == (text, spans)


def test_a_mention_is_the_channels_own_and_never_a_values() -> None:
    source = '<a href="{}">l</a>'
    assert shown(source.format("tg://user?id=1"), "tg://")[1] == [(MENTION, "l", "tg://user?id=1")]
    assert shown(source.format(escape_html_value("tg://user?id=1")), "tg://")[1] == []


def test_tags_nest_sixteen_deep_at_most() -> None:
    document = read_html("".join(f'<a href="https://x/{n}"><b><i><u><s>' for n in range(50)) + "x")
    assert [span.kind for span in document.spans] == [BOLD, ITALIC, UNDERLINE, STRIKE, LINK]


@settings(deadline=None)
@given(st.text(), st.sampled_from(["{}", "<b>{}</b>", "<pre>{}</pre>", "a{}b"]))
def test_an_escaped_value_is_text(value: str, template: str) -> None:
    expected = template.replace("{}", "v")
    document = read_html(template.format(escape_html_value(value)))
    assert document.text == read_html(expected).text.replace("v", value)
