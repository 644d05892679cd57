"""Cleaning and cutting."""

from hypothesis import given, settings
from hypothesis import strategies as st

from notification.markup.plain_text import Cut, clean, cut, cut_to_fit, pieces


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


@settings(deadline=None)
@given(st.text(), st.integers(0, 60))
def test_the_longest_start_that_fits_is_kept(text: str, limit: int) -> None:
    def fits(start: str) -> bool:
        return len(start.encode()) <= limit

    result = cut_to_fit(text, fits)
    assert fits(result.text)
    assert result.truncated == (not fits(text))
    if result.text and result.truncated:
        assert result.text.endswith("…")
        assert not fits(text[: len(result.text)] + "…")


@settings(deadline=None)
@given(st.text(st.sampled_from("ab \n")), st.integers(2, 9), st.integers(1, 4))
def test_pieces_fit_and_lose_only_white_space_and_the_marked_end(
    text: str, limit: int, count: int
) -> None:
    found, truncated = pieces(text, limit=limit, count=count)
    assert len(found) <= count
    assert all(0 < len(piece) <= limit for piece in found)
    kept = "".join("".join(found).removesuffix("…").split())
    whole = "".join(text.split())
    assert whole.startswith(kept)
    assert truncated or kept == whole
