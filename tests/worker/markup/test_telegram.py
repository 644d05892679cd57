"""Telegram's texts: what is escaped, and that the final text fits and is still well-formed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.markup.escaping import escape_html, escape_markdown_v2
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
    assert result == TelegramTexts((expected,), "MarkdownV2", truncated=False)
    assert texts("a<b/c", subject="S&T", mode="HTML").texts == ("<b>S&amp;T</b>\n\na&lt;b&#x2F;c",)
    assert texts("a_b.", subject="S", mode="Markdown").texts == ("*S*\n\na\\_b.",)


@pytest.mark.requirement("B-13")
def test_the_markup_of_a_template_is_kept() -> None:
    assert texts("*bold* \\.", kind="markdown").texts == ("*bold* \\.",)
    html = texts("<i>x</i>", subject="<u>s</u>", kind="html", mode="Markdown")
    assert html == TelegramTexts(("<b><u>s</u></b>\n\n<i>x</i>",), "HTML", truncated=False)


@settings(deadline=None)
@given(st.text(st.sampled_from("ab*_`[]\\.<&🙂")), st.text(st.sampled_from("ab*_`[]\\.<&")))
@pytest.mark.parametrize("mode", READERS)
def test_plain_subject_and_content_show_as_themselves(
    mode: str, subject: str, content: str
) -> None:
    (text,) = texts(content, subject=subject, mode=mode).texts
    assert READERS[mode](text) == (f"{subject}\n\n{content}" if subject else content)


def test_a_subject_in_the_older_markdown_is_bold_around_its_escapes() -> None:
    assert texts("x", subject="disk_usage [a]", mode="Markdown").texts == (
        "*disk*\\_*usage *\\[*a*\\]\n\nx",
    )
    marked = texts("*x*", subject="disk\\_usage", kind="markdown", mode="Markdown")
    assert marked.texts == ("disk\\_usage\n\n*x*",)


@pytest.mark.requirement("B-15")
def test_a_subject_with_markup_is_not_cut_inside_an_entity() -> None:
    result = texts("x", subject="<i>" + "&lt;" * 300 + "</i>", kind="html")
    assert result.texts == ("<b><i>" + "&lt;" * 198 + "…</i></b>\n\nx",)
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
    assert result == TelegramTexts(("\\." * MAX_TEXT,), "MarkdownV2", truncated=False)
    marked = "<b>&amp;</b>" * 1000 + "&lt;" * 3096
    assert texts(marked, kind="html").texts == (marked,)


@pytest.mark.requirement("B-15")
def test_surrogate_pairs_are_never_split() -> None:
    result = texts("🙂" * 5000)
    assert result.texts == ("🙂" * 4095 + "…",)


@pytest.mark.parametrize(
    ("kind", "unit", "closed"),
    [
        ("markdown", "*bold* _italic_ ~gone~ ||hid|| `co\\`de` [li\\]nk](http://x/\\)) ", ""),
        ("markdown", "*a __b _c " + "long \\. " * 700, "…_\u200b__*"),
        ("markdown", "```py\n" + "x = 1\n" * 900 + "```", "…```"),
        ("html", '<b>bold</b> &lt;tag&gt; <a href="http://x/?a=1&amp;b">l</a> ', ""),
        ("html", "<b>a <i>b <code>" + "&amp;" * 5000 + "</code></i></b>", "…</code></i></b>"),
    ],
)
def test_cut_markup_is_closed_and_well_formed(kind: str, unit: str, closed: str) -> None:
    result = texts(unit * 400 if not closed else unit, kind=kind)
    assert result.truncated
    (text,) = result.texts
    shown = READERS[result.parse_mode](text)
    assert MAX_TEXT - 8 <= len(shown) <= MAX_TEXT
    assert text.endswith(closed or "…") or text.rstrip("*_~|").endswith("…")


def test_a_link_is_left_out_rather_than_cut() -> None:
    link = "[" + "name " * 10 + "](http://example.com/)"
    result = texts("x" * 4080 + link, kind="markdown")
    assert result.texts == ("x" * 4080 + "…",)


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
    assert result.texts == (f"<b>{'x' * 4094}</b>", f"<b>{'x' * 906}</b>")
    assert not result.truncated


V2_TEXT = st.text(st.sampled_from("ab .!_*~|`[]()\\\n🙂"), min_size=1).map(escape_markdown_v2)
V2_INLINE = V2_TEXT | V2_TEXT.map("[{}](http://x/\\))".format) | V2_TEXT.map("||{}||".format)
V2_MARKED = st.tuples(
    st.sampled_from(["*", "~", "__", "_", ""]),
    st.lists(V2_INLINE, min_size=1, max_size=4).map(" ".join),
).map(lambda pair: f"{pair[0]}{pair[1]}{pair[0]}")
HTML_PIECES = st.recursive(
    st.text(st.sampled_from("ab<>&\"' \n🙂"), min_size=1).map(escape_html),
    lambda inner: st.one_of(
        inner.map("<b>{}</b>".format),
        inner.map('<a href="http://x/?a&amp;b">{}</a>'.format),
        st.lists(inner, min_size=1, max_size=3).map("".join),
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=50)
@given(st.lists(V2_MARKED, min_size=1, max_size=4).map(" ".join), st.booleans())
def test_cut_markdown_v2_is_accepted_and_fits(unit: str, split: bool) -> None:
    assert_fits(unit, kind="markdown", split=split)


@settings(deadline=None, max_examples=50)
@given(HTML_PIECES, st.booleans())
def test_cut_html_is_accepted_and_fits(unit: str, split: bool) -> None:
    assert_fits(unit, kind="html", split=split)


def assert_fits(unit: str, *, kind: str, split: bool) -> None:
    reader = READERS["HTML" if kind == "html" else "MarkdownV2"]
    length = max(len(reader(unit)), 1)
    whole = " ".join([unit] * (100 // length + 1))
    result = texts(whole, kind=kind, split=split, limit=40)
    shown = [reader(text) for text in result.texts]
    assert all(len(text) <= 40 for text in shown)
    said = "".join(shown).replace("\u200b", "")
    assert reader(whole).startswith(said.removesuffix("…") if result.truncated else said)


@settings(deadline=None)
@given(st.text(st.sampled_from("*_~|`[]()<>/&;b\\a!")), st.sampled_from(["html", "markdown"]))
def test_markup_that_is_malformed_is_cut_without_an_error(unit: str, kind: str) -> None:
    for mode in READERS:
        result = texts((unit + " ") * 50, kind=kind, mode=mode, split=True, limit=40)
        assert 1 <= len(result.texts) <= 3
