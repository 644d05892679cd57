"""Reading the service's JSON: what is missing or wrong is named, and never read as empty."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from notification_sdk import InvalidResponse
from notification_sdk._reading import Fields

Read = Callable[[Fields], Any]


def fields(**values: Any) -> Fields:
    return Fields(values, "data")


@pytest.mark.parametrize(
    ("value", "read", "found"),
    [
        ("x", lambda f: f.text("k"), "x"),
        ("", lambda f: f.text("k"), ""),
        (None, lambda f: f.text_or_none("k"), None),
        (0, lambda f: f.whole("k"), 0),
        (0, lambda f: f.whole("k", default=5), 0),
        (None, lambda f: f.whole("k", default=0), 0),
        (None, lambda f: f.whole_or_none("k"), None),
        (7, lambda f: f.whole_or_none("k"), 7),
        (False, lambda f: f.flag("k"), False),
        (False, lambda f: f.flag("k", default=True), False),
        (None, lambda f: f.flag("k", default=False), False),
        (None, lambda f: f.flag("k", default=True), True),
        ("2026-01-01T00:00:00Z", lambda f: f.time("k"), datetime(2026, 1, 1, tzinfo=UTC)),
        (None, lambda f: f.time_or_none("k"), None),
        ({"a": 1}, lambda f: f.mapping("k"), {"a": 1}),
        (None, lambda f: f.mapping_or_none("k"), None),
        ({"a": 1}, lambda f: f.inner("k").document, {"a": 1}),
        ([], lambda f: f.items("k"), []),
        ([{"a": 1}], lambda f: [each.document for each in f.items("k")], [{"a": 1}]),
        (["a"], lambda f: f.texts("k"), ("a",)),
    ],
)
def test_a_right_value_is_read_as_it_is(value: Any, read: Read, found: Any) -> None:
    assert read(fields(k=value)) == found


@pytest.mark.parametrize(
    ("value", "read", "words"),
    [
        (None, lambda f: f.text("k"), "data.k should be a text and is nothing"),
        (1, lambda f: f.text("k"), "data.k should be a text and is of type int"),
        (1, lambda f: f.text_or_none("k"), "data.k should be a text and is of type int"),
        (None, lambda f: f.whole("k"), "data.k should be a whole number and is nothing"),
        (True, lambda f: f.whole("k"), "data.k should be a whole number and is of type bool"),
        (
            True,
            lambda f: f.whole("k", default=1),
            "data.k should be a whole number and is of type bool",
        ),
        (1.5, lambda f: f.whole("k"), "data.k should be a whole number and is of type float"),
        ("1", lambda f: f.whole_or_none("k"), "data.k should be a whole number and is of type str"),
        (None, lambda f: f.flag("k"), "data.k should be true or false and is nothing"),
        (
            1,
            lambda f: f.flag("k", default=True),
            "data.k should be true or false and is of type int",
        ),
        (None, lambda f: f.time("k"), "data.k should be a time and is nothing"),
        ("now", lambda f: f.time("k"), "data.k should be a time and is of type str"),
        ("2026-01-01T00:00:00", lambda f: f.time("k"), "data.k should be a time with its zone"),
        ([], lambda f: f.mapping("k"), "data.k should be an object and is of type list"),
        ([], lambda f: f.mapping_or_none("k"), "data.k should be an object and is of type list"),
        (None, lambda f: f.inner("k"), "data.k should be an object and is nothing"),
        ({}, lambda f: f.items("k"), "data.k should be a list and is of type dict"),
        ([{}, 1], lambda f: f.items("k"), "data.k[1] should be an object and is of type int"),
        (["a", 1], lambda f: f.texts("k"), "data.k[1] should be a text and is of type int"),
        ("ab", lambda f: f.texts("k"), "data.k should be a list and is of type str"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(value: Any, read: Read, words: str) -> None:
    with pytest.raises(InvalidResponse) as refused:
        read(fields(k=value))
    assert str(refused.value).startswith(words)
    assert refused.value.code == "INVALID_RESPONSE"


def test_an_answer_that_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidResponse, match="answer should be an object and is of type list"):
        Fields([], "answer")
