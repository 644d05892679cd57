"""JSON without spaces, and rows as JSON arrays of a bounded length."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification import compact_json as module
from notification.compact_json import compact_json, json_arrays, parse_compact_json

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(_VALUES)
def test_a_value_is_written_as_the_library_writes_it(value: object) -> None:
    assert compact_json(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@given(_VALUES)
def test_what_is_written_is_read_as_the_library_reads_it(value: object) -> None:
    text = compact_json(value)
    assert repr(parse_compact_json(text)) == repr(json.loads(text))


def test_a_value_that_json_cannot_say_is_refused_and_harms_no_other() -> None:
    inside: list[object] = [object()]
    for _ in range(2):
        with pytest.raises(TypeError):
            compact_json({"a": inside})
    inside[0] = 1
    assert compact_json({"a": inside, "b": inside}) == '{"a":[1],"b":[1]}'


@pytest.mark.parametrize("text", ["", "x", "{", '{"a":}', " 1"])
def test_a_text_that_begins_with_no_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"char|delimiter|value"):
        parse_compact_json(text)


def test_an_interpreter_without_the_part_in_c_writes_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("json.encoder.c_make_encoder", None)
    value = {"é": [1, 2.5, None, True, '\x00"\\'], "e": {}}
    assert module._encoder()(value) == compact_json(value)


@pytest.mark.parametrize("most", [1, 9, 10, 11, 12, 13, 100])
def test_arrays_hold_every_value_in_order_and_as_many_as_fit(most: int) -> None:
    values = [[n, "é"] for n in range(5)]
    size = len('[0,"é"]')
    arrays = list(json_arrays(values, most=most))
    assert [each for array in arrays for each in json.loads(array)] == values
    for array in arrays:
        assert len(array) <= max(most, size) + len("[]")
    counts = [len(json.loads(array)) for array in arrays]
    fitting = max((most + 1) // (size + 1), 1)
    assert counts[0] == min(fitting, len(values))


def test_no_values_need_no_array() -> None:
    assert list(json_arrays([])) == []
