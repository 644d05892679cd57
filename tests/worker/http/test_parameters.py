"""Query parameters and fields of a body, at their bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from notification.errors import ServiceError
from notification.http.parameters import (
    flag_field,
    ids_field,
    moment,
    one_of,
    pagination,
    row_id,
    switch,
    text_field,
    whole_field,
    whole_number,
)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ServiceError) as refused:
        call()
    assert refused.value.code == "INVALID_PARAMETER"
    return refused.value.text


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({}, 7),
        ({"n": ""}, 7),
        ({"n": "1"}, 1),
        ({"n": "007"}, 7),
        ({"n": str(2**52)}, 2**52),
    ],
)
def test_a_whole_number_or_its_default(query: dict[str, str], number: int) -> None:
    assert whole_number(query, "n", default=7) == number


@pytest.mark.parametrize("text", ["0", "-1", "+1", "1.0", "1e3", "x", " 1", "٣", "1" * 17])
def test_what_is_no_positive_integer_is_refused(text: str) -> None:
    assert refusal(lambda: whole_number({"n": text}, "n", default=1)) == (
        "n must be a positive integer"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0", 0),
        ("007", 7),
        # The ids of 2031 and later have 16 digits.
        ("1000000000000000", 10**15),
        (str(2**53 - 1), 2**53 - 1),
        (str(2**53), None),
        ("1" * 17, None),
        ("0" * 17, None),
        *((text, None) for text in ("", "-1", "+1", "1.0", " 1", "x", "٣", "²")),
    ],
)
def test_an_id_is_a_number_that_a_row_can_have(text: str, found: int | None) -> None:
    assert row_id(text) == found


@pytest.mark.parametrize(
    ("query", "read"),
    [({}, None), ({"s": ""}, None), ({"s": "true"}, True), ({"s": "false"}, False)],
)
def test_a_switch_is_on_off_or_missing(query: dict[str, str], read: bool | None) -> None:
    assert switch(query, "s") is read


@pytest.mark.parametrize("text", ["yes", "1", "TRUE", " true", "null"])
def test_what_is_no_switch_is_refused(text: str) -> None:
    assert refusal(lambda: switch({"s": text}, "s")) == "s must be true or false"


def test_a_number_has_a_least_and_a_most() -> None:
    assert whole_number({"n": "0"}, "n", default=1, minimum=0) == 0
    assert refusal(lambda: whole_number({"n": "-1"}, "n", default=1, minimum=0)) == (
        "n must be a non-negative integer"
    )
    assert whole_number({"n": "5"}, "n", default=1, maximum=5) == 5
    assert refusal(lambda: whole_number({"n": "6"}, "n", default=1, maximum=5)) == (
        "n must not exceed 5"
    )


@pytest.mark.parametrize(
    ("text", "end", "found"),
    [
        ("", False, None),
        ("2026-02-28", False, "2026-02-28T00:00:00.000Z"),
        ("2026-02-28", True, "2026-02-28T23:59:59.999Z"),
        ("2026-02-28T10:00", True, "2026-02-28T10:00:00.000Z"),
        ("2026-02-28 10:00:05", False, "2026-02-28T10:00:05.000Z"),
        ("2026-02-28T10:00:05.1239Z", False, "2026-02-28T10:00:05.123Z"),
        ("2026-02-28T10:00:05,5Z", False, "2026-02-28T10:00:05.500Z"),
        ("2026-02-28T10:00:00+02:00", False, "2026-02-28T08:00:00.000Z"),
        ("2026-02-28T10:00:00 02:00", False, "2026-02-28T08:00:00.000Z"),
        ("2026-02-28T10:00:00-0230", False, "2026-02-28T12:30:00.000Z"),
    ],
)
def test_a_moment_is_a_date_or_a_time_in_utc(text: str, end: bool, found: str | None) -> None:
    assert moment({"at": text}, "at", end=end) == found
    assert moment({}, "at") is None


@pytest.mark.parametrize(
    "text",
    [
        *("now", "2026", "2026-02-29", "2026-2-1", "20260228", "2026-02-28T25:00", "2026-02-28T10"),
        *("2026-02-28T10:00:00Z+01:00", "1767225600000", "0000-01-01", "10000-01-01"),
        *("0001-01-01T00:00:00+10:00", "9999-12-31T23:00:00-10:00"),
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    assert refusal(lambda: moment({"at": text}, "at")) == (
        "Invalid date string: at must be ISO 8601, such as 2026-12-01T09:00:00Z"
    )


def test_a_text_comes_from_the_first_name_that_has_one() -> None:
    assert text_field({"a": None, "b": "x"}, "a", "b") == "x"
    assert text_field({"a": "y", "b": 5}, "a", "b") == "y"
    assert text_field({"a": None}, "a", "b") is None
    assert refusal(lambda: text_field({"a": None, "b": 5}, "a", "b")) == "b must be a string"
    for body in ({"a": "", "b": "x"}, {"a": ""}):
        said = refusal(lambda body=body: text_field(body, "a", "b"))  # type: ignore[misc]
        assert said == "a must not be empty; leave it out instead"


def test_a_text_that_may_be_empty_counts_as_absent_then_and_is_still_text() -> None:
    assert text_field({"a": "", "b": "x"}, "a", "b", may_be_empty=True) == "x"
    assert text_field({"a": ""}, "a", may_be_empty=True) is None
    bodies: list[dict[str, Any]] = [{"a": 0}, {"a": False}, {"a": []}, {"a": {}}]
    for body in bodies:
        said = refusal(lambda body=body: text_field(body, "a", may_be_empty=True))  # type: ignore[misc]
        assert said == "a must be a string"


def test_a_value_that_is_none_of_a_few_is_refused_with_the_few() -> None:
    assert one_of("a", "x", ("x", "y")) == "x"
    assert one_of("a", None, ("x", "y")) is None
    for value in ("", "z"):
        said = refusal(lambda value=value: one_of("a", value, ("x", "y")))  # type: ignore[misc]
        assert said == "Invalid a: it must be one of x, y"


@pytest.mark.parametrize("value", [0, -1, 1.0, "1", True, [], {}])
def test_a_field_that_is_no_positive_integer_is_refused(value: Any) -> None:
    assert refusal(lambda: whole_field({"n": value}, "n")) == "n must be a positive integer"


def test_a_whole_field_has_a_default_and_a_most() -> None:
    assert whole_field({}, "n") is None
    assert whole_field({"n": None}, "n", default=3) == 3
    assert whole_field({"n": 1}, "n", maximum=1) == 1
    assert refusal(lambda: whole_field({"n": 2}, "n", maximum=1)) == "n must not exceed 1"
    assert whole_field({"n": 2**53 - 1}, "n") == 2**53 - 1
    assert refusal(lambda: whole_field({"n": 2**53}, "n")) == f"n must not exceed {2**53 - 1}"


def test_a_flag_is_true_or_false() -> None:
    assert flag_field({}, "f", default=True) is True
    assert flag_field({"f": False}, "f", default=True) is False
    for value in (None, 0, 1, "true"):
        assert refusal(lambda value=value: flag_field({"f": value}, "f", default=True)) == (  # type: ignore[misc]
            "f must be a boolean"
        )


def test_ids_are_a_list_of_at_most_a_thousand() -> None:
    assert ids_field({}, "ids") is None
    assert ids_field({"ids": []}, "ids") == []
    assert ids_field({"ids": [0, 2**53 - 1]}, "ids") == [0, 2**53 - 1]
    assert ids_field({"ids": list(range(1_000))}, "ids") == list(range(1_000))
    for value in ([-1], [2**53], [True], ["1"], [1.0], "1", {"1": 1}, list(range(1_001))):
        assert refusal(lambda value=value: ids_field({"ids": value}, "ids")) == (  # type: ignore[misc]
            "ids must be an array of at most 1000 ids"
        )


@pytest.mark.parametrize(
    ("counted", "limit", "offset", "rows", "more"),
    [
        (3, 2, 0, 2, True),
        (3, 2, 2, 1, False),
        (4, 2, 2, 2, False),
        (4, 2, 9, 0, False),
        (10_000, 2, 9_998, 2, False),
        (10_001, 2, 9_998, 2, True),
        (10_001, 2, 20_000, 1, False),
        (0, 2, 0, 0, False),
    ],
)
def test_there_is_more_while_the_count_goes_on_or_the_page_is_full(
    counted: int, limit: int, offset: int, rows: int, more: bool
) -> None:
    page = pagination(counted, limit=limit, offset=offset, rows=rows)
    assert page["hasMore"] is more
    assert (page["total"], page.get("total_capped", False)) == (
        min(counted, 10_000),
        counted > 10_000,
    )
