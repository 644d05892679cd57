"""Telegram's texts: what is escaped, and that the final text fits and is still well-formed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.sink.chat.telegram_markup import count_entities
from notification.markup.escaping import escape_html, escape_markdown_v2, value_escape
from notification.markup.plain_text import clean
from notification.markup.telegram import MAX_TEXT, TelegramTexts, telegram_texts
from tests.worker.markup.parsers import (
    read_markdown_v2,
    read_telegram_html,
    read_telegram_markdown,
)

READERS = {
    "MarkdownV2": read_markdown_v2,
    "HTML": read_telegram_html,
    "Markdown": read_telegram_markdown,
}


def texts(
    content: str,
    *,
    subject: str | None = None,
    kind: str = "text",
    mode: str = "MarkdownV2",
    split: bool = False,
    limit: int = MAX_TEXT,
) -> TelegramTexts:
    return telegram_texts(
        subject=subject,
        content=content,
        content_type=kind,
        parse_mode=mode,
        split=split,
        limit=limit,
    )


def test_the_contracts_request_for_plain_text() -> None:
    result = texts("95.5% used on node-1", subject="Disk alert")
    expected = "*Disk alert*\n\n95\\.5% used on node\\-1"
    plain = "Disk alert\n\n95.5% used on node-1"
    assert result == TelegramTexts((expected,), (plain,), "MarkdownV2", truncated=False)
    assert texts("a<b/c", subject="S&T", mode="HTML").texts == ("<b>S&amp;T</b>\n\na&lt;b&#x2F;c",)
    assert texts("a_b.", subject="S", mode="Markdown").texts == ("*S*\n\na\\_b.",)


def test_the_older_markdown_shows_no_backslash_before_a_closing_bracket() -> None:
    assert texts("array[0]", mode="Markdown").texts == ("array\\[0]",)


@pytest.mark.requirement("B-13")
def test_the_markup_of_a_template_is_kept_whatever_mode_is_configured() -> None:
    source = "*bold* _it_ ~gone~ ||hid|| `co` [x](https://x.example/?a&b) 95.5% \\."
    shown = (
        "<b>bold</b> <i>it</i> <s>gone</s> <tg-spoiler>hid</tg-spoiler> <code>co</code> "
        '<a href="https://x.example/?a&amp;b">x</a> 95.5% .'
    )
    for mode in READERS:
        result = texts(source, kind="markdown", mode=mode)
        assert (result.texts, result.parse_mode) == ((shown,), "HTML")
    html = texts("<i>x</i>", subject="<u>s</u>", kind="html", mode="Markdown")
    assert html.texts == ("<b><u>s</u></b>\n\n<i>x</i>",)


def test_fences_keep_their_language_and_mentions_of_a_person_their_link() -> None:
    fence = texts("```py\nx = 1 < 2\n```", kind="markdown").texts
    assert fence == ('<pre><code class="language-py">x = 1 &lt; 2</code></pre>',)
    mention = texts("[Ann](tg://user?id=7)", kind="markdown").texts
    assert mention == ('<a href="tg://user?id=7">Ann</a>',)


TEXT = st.text(st.sampled_from("ab*_`[]\\.<&🙂")) | st.text()


@settings(deadline=None)
@given(
    # Beyond a limit, a subject is cut.
    TEXT.map(lambda text: clean(text)[:90]),
    TEXT.map(clean).filter(lambda text: text.isprintable() and text != ""),
)
@pytest.mark.parametrize("mode", READERS)
def test_plain_subject_and_content_show_as_themselves(
    mode: str, subject: str, content: str
) -> None:
    if not any(c.isalnum() for c in content):
        content = f"a{content}a"
    (text,) = texts(content, subject=subject, mode=mode).texts
    assert READERS[mode](text) == (f"{subject}\n\n{content}" if subject else content)


def test_a_subject_in_the_older_markdown_is_bold_around_its_escapes() -> None:
    assert texts("x", subject="disk_usage [a]", mode="Markdown").texts == (
        "*disk*\\_*usage *\\[*a]*\n\nx",
    )


@pytest.mark.requirement("B-15")
def test_a_subject_with_markup_is_not_cut_inside_an_entity() -> None:
    result = texts("x", subject="<i>" + "&lt;" * 300 + "</i>", kind="html")
    assert result.texts == ("<b><i>" + "&lt;" * 199 + "…</i></b>\n\nx",)
    assert result.truncated


@pytest.mark.requirement("B-15")
@pytest.mark.parametrize("mode", READERS)
def test_plain_text_is_cut_so_that_what_telegram_counts_fits(mode: str) -> None:
    result = texts("." * 5000, subject="s" * 300, mode=mode)
    assert result.truncated
    shown = READERS[mode](result.texts[0])
    assert len(shown) == MAX_TEXT
    assert shown == "s" * 199 + "…\n\n" + "." * 3893 + "…"


@pytest.mark.requirement("B-15")
def test_what_fits_after_parsing_is_not_cut_however_long_it_is_written() -> None:
    result = texts("." * MAX_TEXT)
    assert (result.texts, result.truncated) == (("\\." * MAX_TEXT,), False)
    marked = "<b>&amp;</b>" * 90 + "&lt;" * 4006
    assert texts(marked, kind="html").texts == (marked,)


@pytest.mark.requirement("B-15")
def test_the_limit_counts_utf_16_code_units_and_splits_no_character() -> None:
    assert texts("🙂" * 2048).texts == ("🙂" * 2048,)
    assert texts("🙂" * 5000).texts == ("🙂" * 2047 + "…",)


@pytest.mark.parametrize(
    ("kind", "source", "end"),
    [
        ("markdown", "*a __b _c " + "long \\. " * 700 + "_ __ *", "…"),
        ("markdown", "```py\n" + "x = 1\n" * 900 + "```", "…</code></pre>"),
        ("html", "<b>a <i>b " + "&amp;" * 5000 + "</i></b>", "…</i></b>"),
        ("html", "<pre>" + "&amp;" * 5000 + "</pre>", "…</pre>"),
    ],
)
def test_cut_markup_is_closed_and_well_formed(kind: str, source: str, end: str) -> None:
    result = texts(source, kind=kind)
    assert result.truncated
    (text,) = result.texts
    assert MAX_TEXT - 8 <= len(read_telegram_html(text)) <= MAX_TEXT
    assert text.endswith(end)


@pytest.mark.parametrize("mode", ["MarkdownV2", "HTML"])
def test_ninety_long_links_are_sent_in_messages_that_telegram_takes(mode: str) -> None:
    links = " ".join(f"[link {n}](https://example.com/{'p' * 160}/{n})" for n in range(90))
    result = texts(links, kind="markdown", mode=mode)
    assert len(result.texts) == 3
    assert not result.truncated
    shown = " ".join(read_telegram_html(text) for text in result.texts)
    assert shown == " ".join(f"link {n}" for n in range(90))


def test_entities_beyond_a_hundred_start_the_next_message() -> None:
    result = texts(" ".join(f"**b{n}**" for n in range(250)), kind="markdown")
    assert [count_entities(text, "html") for text in result.texts] == [100, 100, 50]
    crowded = texts(" ".join(f"**b{n}**" for n in range(900)), kind="markdown", split=True)
    assert len(crowded.texts) == 3
    assert "b899" in crowded.texts[2]
    assert all(count_entities(text, "html") <= 100 for text in crowded.texts)


def test_a_long_text_can_become_three_messages() -> None:
    words = "word " * 3000
    plain = texts(words, subject="Title", split=True)
    assert len(plain.texts) == 3
    assert plain.truncated
    assert plain.texts[0].startswith("*Title*\n\nword")
    assert all(len(read_markdown_v2(text)) <= MAX_TEXT for text in plain.texts)
    assert texts("short", split=True).texts == ("short",)
    whole = texts("word " * 1500, split=True)
    assert (len(whole.texts), whole.truncated) == (2, False)
    assert " ".join(whole.texts).split() == ["word"] * 1500


def test_markup_that_is_split_goes_on_in_the_next_message() -> None:
    result = texts("<b>" + "x" * 5000 + "</b>", kind="html", split=True)
    assert result.texts == (f"<b>{'x' * 4096}</b>", f"<b>{'x' * 904}</b>")
    assert not result.truncated


def test_the_plain_form_shows_where_links_lead() -> None:
    result = texts("**See** [the page](https://x.example/)", kind="markdown")
    assert result.plain == ("See the page: https://x.example/",)


HTML_PIECES = st.recursive(
    st.text(st.sampled_from("ab<>&\"' \n🙂"), min_size=1).map(escape_html),
    lambda inner: st.one_of(
        inner.map("<b>{}</b>".format),
        inner.map('<a href="http://x/?a&amp;b">{}</a>'.format),
        st.lists(inner, min_size=1, max_size=3).map("".join),
    ),
    max_leaves=8,
)
V2_TEXT = st.text(st.sampled_from("ab .!_*~|`[]()\\\n🙂"), min_size=1).map(escape_markdown_v2)
V2_MARKED = st.tuples(st.sampled_from(["*", "~", "__", "_", ""]), V2_TEXT).map(
    lambda pair: f"{pair[0]}{pair[1]}{pair[0]}"
)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(V2_MARKED, min_size=1, max_size=4).map(lambda parts: ("markdown", " ".join(parts)))
    | HTML_PIECES.map(lambda text: ("html", text))
    | st.text(st.sampled_from("*_~|`[]()<>/&;b\\a!\n#")).map(lambda text: ("markdown", text))
    | st.text(st.sampled_from("*_~|`[]()<>/&;b\\a!\n#")).map(lambda text: ("html", text)),
    st.booleans(),
)
def test_cut_markup_is_accepted_and_fits(unit: tuple[str, str], split: bool) -> None:
    kind, text = unit
    result = texts(f"z{text} " * 20, kind=kind, split=split, limit=40)
    shown = [read_telegram_html(text) for text in result.texts]
    assert 1 <= len(shown) <= 3
    assert all(len(text.encode("utf-16-le")) // 2 <= 40 for text in shown)
    assert all(len(text.encode("utf-16-le")) // 2 <= 40 for text in result.plain)


@pytest.mark.requirement("C-0.33")
@pytest.mark.parametrize(
    ("kind", "source"),
    [("markdown", "{v}: @oncall"), ("html", "{v}: @oncall"), ("text", "{v}: @oncall")],
)
def test_a_name_in_a_value_mentions_nobody_and_one_in_the_template_does(
    kind: str, source: str
) -> None:
    escape = value_escape(kind, channel="telegram")
    value = "@durov @ a@b.example (@x_1)"
    (text,) = texts(source.replace("{v}", escape(value)), kind=kind, mode="HTML").texts
    shown = read_telegram_html(text)
    assert shown == "@\u2060durov @ a@b.example (@\u2060x_1): @oncall"
    (embedded,) = texts(f'{{"a": "{value}"}}', kind="json", mode="HTML").texts
    assert read_telegram_html(embedded) == '{"a": "@\u2060durov @ a@b.example (@\u2060x_1)"}'


def test_a_subject_takes_at_most_half_of_a_short_limit() -> None:
    for limit in (40, 41):
        result = texts("b" * 100, subject="s" * 100, limit=limit)
        head, _, body = result.plain[0].partition("\n\n")
        assert len(head) == limit // 2
        assert len(result.plain[0]) == limit
        assert body.startswith("b")
        assert result.truncated
