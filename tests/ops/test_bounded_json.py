"""No document from elsewhere is nested deeper than the parser survives."""

from __future__ import annotations

import json

import pytest

from ops.observe.tail.log_line import LogLine
from ops.stacks.bounded_json import MAX_DEPTH, parse_bounded


@pytest.mark.parametrize(
    "text", ['{"a": [1, "x"]}', '"[[["', '"\\"[[["', b'{"\xc3\xa9": null}', "1"]
)
def test_what_is_json_is_parsed(text: str | bytes) -> None:
    assert parse_bounded(text) == json.loads(text)


def test_depth_is_counted_outside_of_texts_alone() -> None:
    assert parse_bounded("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert parse_bounded(json.dumps("[" * 100_000)) == "[" * 100_000
    wide = [[1]] * 10_000
    assert parse_bounded(json.dumps(wide)) == wide


@pytest.mark.parametrize("text", ["[" * (MAX_DEPTH + 1), "[" * 200_000, '{"a":' * 100_000, "{", ""])
def test_what_nests_too_deep_or_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_bounded(text)


def test_texts_without_an_end_take_no_longer_than_their_length() -> None:
    with pytest.raises(ValueError, match="Unterminated"):
        parse_bounded('"' + '\\"' * 500_000)


def test_a_log_line_that_nests_too_deep_is_a_text() -> None:
    line = LogLine.parse("[" * 100_000, level="info", moment="")
    assert line.message == "[" * 100_000


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_what_python_reads_and_json_does_not_have_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=f"^{word} isn't JSON$"):
        parse_bounded(f'{{"a": [{word}]}}')
