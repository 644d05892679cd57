"""Slack's texts and sections."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.markup.plain_text import clean
from notification.markup.slack import MAX_HEADER, SlackTexts, slack_texts
from tests.worker.markup.parsers import read_slack


def texts(
    content: str, *, subject: str | None = None, kind: str = "text", broadcast: bool = False
) -> SlackTexts:
    return slack_texts(subject=subject, content=content, content_type=kind, broadcast=broadcast)


@pytest.mark.requirement("B-17")
def test_a_header_fits_as_it_is_sent() -> None:
    assert texts("x", subject="A & B").heading == "A &amp; B"
    header = texts("x", subject="&" * 200)
    assert (header.heading, header.truncated) == ("&amp;" * 29 + "…", True)
    assert len(header.heading) <= MAX_HEADER


@pytest.mark.requirement("B-17")
def test_a_long_text_becomes_sections_that_each_fit() -> None:
    text = "\n".join(f"line {number} of the report" for number in range(800))
    result = texts(text)
    assert not result.truncated
    assert len(result.sections) == len(text) // 3000 + 1
    assert all(len(section) <= 3000 for section in result.sections)
    assert "\n".join(result.sections) == text


@pytest.mark.requirement("B-17")
def test_there_are_never_more_sections_than_a_message_has_blocks() -> None:
    result = texts("x" * 200_000)
    assert len(result.sections) <= 48
    assert result.sections[-1].endswith("x…")
    assert result.truncated


def test_markdown_and_html_are_written_as_mrkdwn() -> None:
    markdown = texts("**bold** _it_ ~~s~~ `c` [a|b](https://x.example/?a=1&b=2)", kind="markdown")
    assert markdown.text == "*bold* _it_ ~s~ `c` <https://x.example/?a=1&amp;b=2|a|b>"
    assert markdown.marked
    assert texts("<b>Hi</b> you<br>", kind="html").text == "*Hi* you"
    assert texts("> said\n> so", kind="markdown").text == ">said\n>so"
    assert texts("> **said**", kind="markdown").text == ">*said*"
    for bold in ("**[a](https://x.example)**", "[**a**](https://x.example)"):
        assert texts(bold, kind="markdown").text == "*<https://x.example|a>*"
    assert not texts("x").marked


def test_marks_that_slack_would_show_are_left_out() -> None:
    assert texts("a**b**c", kind="markdown").text == "abc"
    assert texts("**one\ntwo**", kind="markdown").text == "*one*\n*two*"
    assert texts("``a`b``", kind="markdown").text == "a`b"
    assert texts("[a\nb](https://x.example)", kind="markdown").text == (
        "<https://x.example|a>\n<https://x.example|b>"
    )


def test_slacks_own_links_and_mentions_are_kept() -> None:
    source = "<https://x.example/|the page> <@U123> <#C1|ops> <!subteam^S1> <!date^1^{date}|then>"
    assert texts(source, kind="markdown").text == source


@pytest.mark.parametrize("name", ["channel", "here", "everyone"])
def test_a_broadcast_needs_permission(name: str) -> None:
    source = f"<!{name}> up"
    assert texts(source, kind="markdown").text == f"@{name} up"
    assert texts(source, kind="markdown", broadcast=True).text == source
    assert texts(source, broadcast=True).text == f"&lt;!{name}&gt; up"


def test_a_fence_is_closed_and_opened_again_at_a_cut() -> None:
    log = "\n".join(f"{number} line of a log" for number in range(400))
    result = texts(f"Log:\n```\n{log}\n```\nEnd", kind="markdown")
    assert len(result.sections) > 2
    assert all(section.count("```") == 2 for section in result.sections)
    said = [section.split("```")[1].strip("\n") for section in result.sections]
    assert "\n".join(said) == log


PIECE = st.sampled_from(
    ["word", " ", "\n", "&", "<", ">", "[page](https://x/)", "<@U1>", "🙂", "`c`", "**b**", "🇩🇪"]
)


@settings(deadline=None)
@given(st.lists(PIECE).map(lambda pieces: "a" + "".join(pieces) * 40))
def test_sections_are_well_formed_and_lose_only_white_space(text: str) -> None:
    result = texts(text, kind="markdown")
    assert all(0 < len(section) <= 3000 for section in result.sections)
    said = "".join("".join(read_slack(section).split()) for section in result.sections)
    assert said == "".join(read_slack(result.text).split())


@settings(deadline=None)
@given(st.text().map(clean))
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    result = texts(f"a {text} b")
    assert read_slack(result.text) == f"a {text} b"
    assert not result.marked
