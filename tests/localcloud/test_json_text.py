from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.json_text import MAX_DEPTH, parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_json_is_read_as_the_standard_library_reads_it(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert parse_json(text) == value
    assert parse_json(text.encode()) == value


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_json_as_deep_as_the_bound_is_read_and_deeper_is_refused(brackets: str) -> None:
    opening = "[" if brackets == "[]" else '{"a":'
    text = opening * (MAX_DEPTH - 1) + brackets + brackets[1] * (MAX_DEPTH - 1)
    assert parse_json(text) is not None
    with pytest.raises(ValueError, match=f"deeper than {MAX_DEPTH}"):
        parse_json(opening + text + brackets[1])


def test_brackets_in_strings_are_no_depth() -> None:
    value = ['"[{' * 1000, "\\"]
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"\xff", "decode"),
        ('"unfinished', "Unterminated string"),
        ("[" * 10_000_000, "deeper than"),
        ('"\\' * 1000, "Invalid|Unterminated"),
        ('"' + '\\"' * 500_000 + "\\", "Unterminated|Invalid"),
        ("", "Expecting value"),
        ('{"a": ["x\\uD83d"]}', "surrogates not allowed"),
        ('"\\udE00\\ud83d"', "surrogates not allowed"),
        ("[NaN]", "NaN, which isn't finite"),
        ("-Infinity", "-Infinity, which isn't finite"),
        ("1e999", "1e999, which isn't finite"),
        ("9" * 39 + "2" + "1e999", f"the JSON has the number {'9' * 39}2, which isn't finite"),
    ],
    ids=[
        *("no UTF-8", "unfinished", "deep", "backslashes", "a last backslash", "empty"),
        *("half a pair", "a pair the wrong way", "no number", "endless", "too large", "long"),
    ],
)
def test_what_is_no_json_is_a_value_error(text: str | bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_json(text)


def test_pairs_of_surrogates_and_what_only_looks_like_half_of_one_are_read() -> None:
    assert parse_json('["\\ud83d\\ude00", "\\\\ud83d", 1.5e3]') == ["\U0001f600", "\\ud83d", 1500.0]


def test_a_long_text_takes_time_in_proportion() -> None:
    def cpu(count: int) -> float:
        text = "[" + ",".join(['"\\"[[[["'] * count) + "]"
        began = time.process_time()
        parse_json(text)
        return time.process_time() - began

    small = min(cpu(20_000) for _ in range(3))
    assert min(cpu(200_000) for _ in range(3)) < 40 * small
