"""The fake Telegram's three readers: what a person sees, and what is refused with which words."""

from __future__ import annotations

import pytest

from localcloud.sink.chat.telegram_markup import PARSE_MODES, Malformed, count_entities


@pytest.mark.parametrize(
    ("mode", "text", "seen"),
    [
        ("markdownv2", r"95\.5% \_ \\ \a", r"95.5% _ \ a"),
        ("markdownv2", "*b _i_* __u__ ~s~ ||h||", "b i u s h"),
        ("markdownv2", "`a*b` ```x_y```", "a*b x_y"),
        ("markdownv2", "`a\\`b` ```c\\\\d```", "a`b c\\d"),
        ("markdownv2", r"[t *b*](http://a.b/\)x) e", "t b e"),
        ("markdownv2", "\\\u00e9", "\\\u00e9"),
        ("markdownv2", "end\\", "end\\"),
        ("markdown", "*b* _i_ `c*d` ```e_f```", "b i c*d e_f"),
        ("markdown", r"\_ \* \` \[ \] \x", r"_ * ` [ \] \x"),
        ("markdown", "[t](http://a.b) e", "t e"),
        ("html", "<b>b</b> <i>i <u>u</u></i>", "b i u"),
        ("html", '<a href="http://a.b">t</a> <span class="tg-spoiler">h</span>', "t h"),
        ("html", "&lt;&gt;&amp;&quot;&#60;&#x3c; a>b", '<>&"<< a>b'),
    ],
)
def test_a_text_is_read_as_a_person_sees_it(mode: str, text: str, seen: str) -> None:
    assert PARSE_MODES[mode](text) == seen


@pytest.mark.parametrize(
    ("mode", "text", "words"),
    [
        ("markdownv2", "*a _b*", "'*' crosses '_'"),
        ("markdownv2", "~ *a _b*", "'*' crosses '_'"),
        ("markdownv2", "*a _b", "can't find end of the entity '_'"),
        ("markdownv2", "a.", "character '.' is reserved and must be escaped"),
        ("markdownv2", "a]", "character ']' is reserved and must be escaped"),
        ("markdownv2", "[a]", "a link without its address"),
        ("markdownv2", "*a [b* c](d)", "'*' crosses '['"),
        ("markdownv2", "```a`b```", "a backtick in code must be escaped"),
        ("markdownv2", "`a", "can't find end of code"),
        ("markdownv2", "```a``", "a backtick in code must be escaped"),
        ("markdown", "*a", "can't find end of the entity '*'"),
        ("markdown", "```a``", "can't find end of the entity '```'"),
        ("markdown", "a[0]", "can't find end of the link"),
        ("html", "<b>a", "can't find end tag of 'b'"),
        ("html", "<b><i>a</i>", "can't find end tag of 'b'"),
        ("html", "<b><i>a</b></i>", "unexpected end tag 'b'"),
        ("html", "a</b>", "unexpected end tag 'b'"),
        ("html", "<p>a</p>", "unsupported start tag 'p'"),
        ("html", "a < b", "unclosed tag"),
        ("html", "a & b", "an entity that Telegram doesn't know"),
        ("html", "&lt; &nbsp;", "an entity that Telegram doesn't know"),
    ],
)
def test_what_telegram_would_not_parse_is_told(mode: str, text: str, words: str) -> None:
    with pytest.raises(Malformed) as refused:
        PARSE_MODES[mode](text)
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("mode", "text", "count"),
    [
        ("markdownv2", r"plain \* \_", 0),
        ("markdownv2", "*a* __b__ ||c|| ~d~ `e` ```f```", 6),
        ("markdownv2", "[a](b) *c*", 2),
        ("markdown", "*a* _b_ `c` [d](e)", 4),
        ("html", "<b>a</b> <i>b</i> c < d", 2),
    ],
)
def test_entities_are_counted_in_pairs_and_links_once(mode: str, text: str, count: int) -> None:
    assert count_entities(text, mode) == count
