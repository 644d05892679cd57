"""Cleaning and cutting."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.markup.plain_text import Cut, clean, cut


def test_outgoing_text_has_no_outer_space_and_no_control_characters() -> None:
    assert clean(" \ufeff\x00a\x1b[0m\tb\r\nc\x85 \x07 ") == "a[0m\tb\r\nc"


def test_a_lone_surrogate_becomes_the_replacement_character() -> None:
    assert clean("a\ud800b \udfff") == "a\ufffdb \ufffd"


@settings(deadline=None)
@given(st.text(st.characters(codec=None)))
def test_clean_text_is_utf_8_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert clean(cleaned) == cleaned


def test_a_cut_is_marked_and_counts_code_points() -> None:
    assert cut("abc", 3) == Cut("abc", truncated=False)
    assert cut("🙂🙂🙂🙂", 3) == Cut("🙂🙂…", truncated=True)
    assert cut("ab", 1) == Cut("…", truncated=True)
    assert cut("ab", 0) == Cut("", truncated=True)


@pytest.mark.parametrize("cluster", ["🇩🇪", "👩‍💻", "👍🏽", "e\u0301", "\r\n", "각", "1️⃣"])
def test_a_cut_keeps_what_people_see_as_one_character(cluster: str) -> None:
    assert cut(f"ab{cluster}cd", 2 + len(cluster)).text == "ab…"
    assert cut(f"ab{cluster}cd", 3 + len(cluster)).text == f"ab{cluster}…"
