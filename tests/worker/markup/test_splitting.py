"""Documents in parts: nothing is lost, and nothing that belongs together is divided."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.markup.document import BOLD, ITALIC, MENTION, Document, Marks, Span, draw
from notification.markup.graphemes import boundary
from notification.markup.markdown import read_markdown
from notification.markup.plain_text import WHITESPACE
from notification.markup.slack import DIALECT
from notification.markup.splitting import cut_document, split_document

CLUSTERS = [
    "a",
    " ",
    "\n",
    "🇩🇪",
    "👩‍💻",
    "👍🏽",
    "e\u0301",
    "한",
    "각",
    "1️⃣",
    "🏴\U000e0067\U000e007f",
]


@pytest.mark.parametrize(
    "cluster", ["🇩🇪", "👩‍👩‍👧‍👦", "👍🏽", "e\u0301", "\r\n", "각", "1️⃣", "\u1100\u1161\u11a8"]
)
def test_no_place_inside_a_cluster_is_a_boundary(cluster: str) -> None:
    text = f"a{cluster}b"
    inside = {boundary(text, place) for place in range(1, 1 + len(cluster))}
    assert inside == {1}
    assert boundary(text, 1 + len(cluster)) == 1 + len(cluster)


def test_flags_are_cut_between_pairs() -> None:
    flags = "🇩🇪🇫🇷🇯🇵"
    assert [boundary(flags, place) for place in range(7)] == [0, 0, 2, 2, 4, 4, 6]


def test_an_endless_cluster_is_cut_all_the_same() -> None:
    assert boundary("a" + "\u0301" * 10_000, 5_000) >= 5_000 - 64


@settings(deadline=None)
@given(st.lists(st.sampled_from(CLUSTERS), min_size=1), st.integers(8, 20), st.integers(1, 60))
def test_parts_hold_whole_clusters_and_lose_only_white_space(
    clusters: list[str], limit: int, count: int
) -> None:
    text = "".join(clusters)
    parts = split_document(
        Document(text), lambda part: len(part.text) <= limit, longest=limit, count=count
    )
    assert len(parts.documents) <= count
    assert all(len(part.text) <= limit for part in parts.documents)
    said = "".join(part.text for part in parts.documents)
    whole = "".join(text.split())
    if parts.truncated:
        assert whole.startswith("".join(said.removesuffix("…").split()))
    else:
        assert "".join(said.split()) == whole
    places = {sum(map(len, clusters[:n])) for n in range(len(clusters) + 1)}
    at = 0
    for part in parts.documents[:-1]:
        at = text.index(part.text, at) + len(part.text)
        assert at in places


def test_a_fence_keeps_its_indentation_over_a_cut() -> None:
    code = "\n".join("    " * (n % 4) + f"line {n}" for n in range(40))
    document = read_markdown(f"```py\n{code}\n```")
    parts = split_document(document, lambda part: len(part.text) <= 100, longest=100, count=99)
    assert "\n".join(part.text for part in parts.documents) == code
    assert {part.spans[0].value for part in parts.documents} == {"py"}


def test_a_mention_is_never_divided() -> None:
    document = read_markdown("word <@U1|somebody with a name> word", DIALECT)
    for limit in range(24, 34):
        parts = split_document(document, _at_most(limit), longest=limit, count=9)
        assert sum(len(part.spans) for part in parts.documents) == 1


def _at_most(limit: int) -> Callable[[Document], bool]:
    return lambda part: len(part.text) <= limit


def test_the_mark_of_a_cut_stands_inside_a_fence() -> None:
    document = read_markdown("```\n" + "x" * 50 + "\n```")
    [part] = cut_document(document, lambda d: len(d.text) <= 10, longest=10).documents
    assert draw(part, lambda d, s: Marks("[", "]"), lambda text, _: text) == "[xxxxxxxxx…]"


@pytest.mark.parametrize(
    ("text", "limit", "count", "parts"),
    [
        ("", 10, 3, []),
        ("a b", 1, 9, ["a", "b"]),
        ("aaaa bbbb cccc dddd", 10, 9, ["aaaa bbbb", "cccc dddd"]),
        ("aaaa bbbb cccc dddd", 9, 9, ["aaaa bbbb", "cccc dddd"]),
        # No space in the last quarter: a word is divided.
        ("aaaa bbbb cccc dddd", 8, 9, ["aaaa bbb", "b cccc", "dddd"]),
        ("aaaaaaa bbb", 10, 9, ["aaaaaaa", "bbb"]),
        ("aaaaaa bbbb", 10, 9, ["aaaaaa bbb", "b"]),
        # The end of a line wins over a space, within the last quarter.
        ("aaaaaaaaa\nb c d e f g", 12, 9, ["aaaaaaaaa", "b c d e f g"]),
        ("aaaaaaaa\nb c d e f g", 12, 9, ["aaaaaaaa\nb c", "d e f g"]),
        ("aaaaaaaaaa bbb", 10, 9, ["aaaaaaaaaa", "bbb"]),
        ("aaaaaaaaaa\nbbb", 10, 9, ["aaaaaaaaaa", "bbb"]),
        ("aaaaaaaaa\nbbb", 10, 9, ["aaaaaaaaa", "bbb"]),
        ("   aaaa   ", 4, 3, ["   a", "aaa"]),
        ("aaaa\n\n\nbbbb", 4, 3, ["aaaa", "bbbb"]),
        ("abcdefghijklmnopqrstuvwxyz", 10, 4, ["abcdefghij", "klmnopqrst", "uvwxyz"]),
        ("abcdefghijklmnopqrstuvwxyz", 10, 3, ["abcdefghij", "klmnopqrst", "uvwxyz"]),
        ("abcdefghijklmnopqrstuvwxyz", 10, 2, ["abcdefghij", "klmnopqrs…"]),
        ("abcdefghij", 10, 1, ["abcdefghij"]),
        ("abcdefghijk", 10, 1, ["abcdefghi…"]),
    ],
)
def test_parts_end_at_a_line_or_a_space_or_where_they_must(
    text: str, limit: int, count: int, parts: list[str]
) -> None:
    found = split_document(Document(text), _at_most(limit), longest=limit, count=count)
    assert [part.text for part in found.documents] == parts
    assert found.truncated == "".join(parts).endswith("…")


@pytest.mark.parametrize(("last", "parts"), [(3, "klm"), (2, "k…"), (9, "klm")])
def test_the_last_part_may_have_a_rule_of_its_own(last: int, parts: str) -> None:
    found = split_document(
        Document("abcdefghij klm"), _at_most(10), longest=10, count=2, fits_last=_at_most(last)
    )
    assert [part.text for part in found.documents] == ["abcdefghij", parts]


@given(st.text("ab \n", max_size=40), st.integers(1, 45), st.integers(0, 5))
def test_a_cut_text_is_the_longest_start_that_fits(text: str, limit: int, more: int) -> None:
    longest = limit + more
    [part] = cut_document(Document(text), _at_most(limit), longest=longest).documents
    whole = len(text) <= limit
    assert part.text == (text if whole else text[: limit - 1].rstrip(WHITESPACE) + "…")


def test_a_cut_span_reaches_over_the_mark_and_a_mention_does_not() -> None:
    spans = (Span(0, 4, BOLD), Span(1, 13, ITALIC), Span(5, 9, MENTION, "U1"))
    document = Document("ab   cdefghij", spans)
    cut = cut_document(document, _at_most(6), longest=6)
    assert cut.documents == (Document("ab…", (Span(0, 3, BOLD), Span(1, 3, ITALIC))),)
    [kept] = cut_document(document, _at_most(10), longest=10).documents
    assert kept == Document(
        "ab   cdef…", (Span(0, 4, BOLD), Span(1, 10, ITALIC), Span(5, 9, MENTION, "U1"))
    )
