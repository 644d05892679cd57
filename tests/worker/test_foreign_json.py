"""JSON from outside is bounded in depth before it is parsed, in one pass."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification.foreign_json import MAX_DEPTH, ForeignJsonError, TooDeep, parse_foreign_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children),
    max_leaves=30,
)


def nested(depth: int) -> Any:
    value: Any = []
    for level in range(depth - 1):
        value = [value] if level % 2 else {"a": value}
    return value


@given(JSON)
def test_what_is_within_the_limit_is_read_as_the_standard_parser_reads_it(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert parse_foreign_json(text) == json.loads(text)


def test_thirty_two_levels_are_read_and_thirty_three_refused() -> None:
    assert parse_foreign_json(json.dumps(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    with pytest.raises(TooDeep, match="deeper than 32 levels"):
        parse_foreign_json(json.dumps(nested(MAX_DEPTH + 1)))


def test_of_many_brackets_the_deepest_counts() -> None:
    siblings: list[object] = [[], {}] * 40
    assert parse_foreign_json(json.dumps([*siblings, nested(31), *siblings])) == [
        *(*siblings, nested(31), *siblings)
    ]
    with pytest.raises(TooDeep):
        parse_foreign_json(json.dumps([*siblings, nested(32), *siblings]))


@given(st.text(alphabet='[]{}"\\,:a', max_size=60), st.integers(33, 60))
def test_depth_is_counted_outside_of_strings_alone(inside: str, depth: int) -> None:
    assert parse_foreign_json(json.dumps([inside + "[" * 100])) == [inside + "[" * 100]
    with pytest.raises(TooDeep):
        parse_foreign_json("[" * depth + json.dumps(inside) + "]" * depth)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"a":' * 3_206 + "1" + "}" * 3_206,
        '"' + '\\"' * 200_000 + "[" * 100,
        '"' * 100_001 + "[" * 40,
        "[" * 33 + '"' + "\\",
        "\\" * 100_000 + "[" * 40,
    ],
)
def test_a_hostile_text_is_refused_and_nothing_recurses(text: str) -> None:
    with pytest.raises(ForeignJsonError):
        parse_foreign_json(text)


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", "[1,]", "nul"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ForeignJsonError):
        parse_foreign_json(text)


def test_many_shallow_values_are_no_depth() -> None:
    assert len(parse_foreign_json(json.dumps([[]] * 1_000))) == 1_000
