"""Rows as JSON arrays of a bounded length."""

from __future__ import annotations

import json

import pytest

from notification.compact_json import json_arrays


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
