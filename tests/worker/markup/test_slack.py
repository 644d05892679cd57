"""Slack's texts and sections."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.markup.plain_text import Cut
from notification.markup.slack import (
    MAX_HEADER,
    Sections,
    slack_marked_text,
    slack_plain_text,
    slack_sections,
)
from tests.worker.markup.parsers import read_slack


@pytest.mark.requirement("B-17")
def test_a_header_fits_as_it_is_sent() -> None:
    assert slack_plain_text("A & B", limit=MAX_HEADER) == Cut("A &amp; B", truncated=False)
    header = slack_plain_text("&" * 200, limit=MAX_HEADER)
    assert header == Cut("&amp;" * 29 + "…", truncated=True)


@pytest.mark.requirement("B-17")
def test_a_long_text_becomes_sections_that_each_fit() -> None:
    text = "\n".join(f"line {number} of the report" for number in range(800))
    result = slack_sections(text)
    assert not result.truncated
    assert len(result.texts) == len(text) // 3000 + 1
    assert all(len(section) <= 3000 for section in result.texts)
    assert "\n".join(result.texts) == text


@pytest.mark.requirement("B-17")
def test_there_are_never_more_sections_than_a_message_has_blocks() -> None:
    result = slack_sections("x" * 200_000)
    assert len(result.texts) == 48
    assert {len(section) for section in result.texts} == {3000}
    assert result.texts[-1].endswith("x…")
    assert result.truncated


def test_a_short_text_is_one_section_and_no_text_is_none() -> None:
    assert slack_sections("a\nb") == Sections(("a\nb",), truncated=False)
    assert slack_sections(" \n") == Sections((), truncated=False)


def test_entities_and_links_are_kept_whole() -> None:
    assert slack_marked_text("ab&amp;cd", limit=6) == Cut("ab…", truncated=True)
    assert slack_sections("ab&amp;cd", limit=6).texts == ("ab", "&amp;c", "d")
    text = "see <https://example.com/|the page> now"
    assert slack_sections(text, limit=34).texts == ("see", "<https://example.com/|the page>", "now")


PIECE = st.sampled_from(["word", " ", "\n", "&amp;", "&lt;", "&gt;", "<https://x/|page>", "🙂"])


@settings(deadline=None)
@given(st.lists(PIECE).map("".join), st.integers(20, 60))
def test_sections_are_well_formed_and_lose_only_white_space(text: str, limit: int) -> None:
    result = slack_sections(text, limit=limit, count=1000)
    assert all(0 < len(section) <= limit for section in result.texts)
    said = "".join("".join(read_slack(section).split()) for section in result.texts)
    assert said == "".join(read_slack(text).split())
    assert not result.truncated


@settings(deadline=None)
@given(st.text(), st.integers(1, 80))
def test_cut_plain_text_is_well_formed_and_fits(text: str, limit: int) -> None:
    result = slack_plain_text(text, limit=limit)
    assert len(result.text) <= limit
    assert text.startswith(read_slack(result.text).removesuffix("…" if result.truncated else ""))


@settings(deadline=None)
@given(st.lists(PIECE, min_size=5).map("".join), st.integers(20, 60))
def test_cut_mrkdwn_is_well_formed_and_fits(text: str, limit: int) -> None:
    result = slack_marked_text(text, limit=limit)
    assert len(result.text) <= limit
    read_slack(result.text)
