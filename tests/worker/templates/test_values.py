"""Values as text: JSON's and ECMAScript's form, not Python's."""

import json

import pytest

from notification.templates.values import is_truthy, json_text, number_text, value_text

pytestmark = pytest.mark.requirement("C-5.1")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("as it is", "as it is"),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (1, "1"),
        (1.0, "1"),
        (-0.0, "0"),
        (0.078, "0.078"),
        (99.90, "99.9"),
        (12345678901234567890, "12345678901234567890"),
        ([1, "a", None, True, 2.0], "1,a,,true,2"),
        ([], ""),
        ({"a": 1.0, "b": ["ü", None]}, '{"a":1,"b":["ü",null]}'),
        ([{"a": 1}, 2], '[{"a":1},2]'),
        ([[1, 2], []], "[[1,2],[]]"),
        ({}, "{}"),
    ],
)
def test_a_value_is_written_as_json_or_ecmascript_would(value: object, expected: str) -> None:
    assert value_text(value) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (1.2345678901234567e20, "123456789012345670000"),
        (1.5e-7, "1.5e-7"),
        (1e-6, "0.000001"),
        (-1.25e-5, "-0.0000125"),
        (123456789.125, "123456789.125"),
        (-1e16, "-10000000000000000"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (float("nan"), "null"),
        (float("inf"), "null"),
    ],
)
def test_a_number_has_ecmascripts_form(number: float, expected: str) -> None:
    assert number_text(number) == expected


def test_a_number_with_more_digits_than_python_writes_is_null() -> None:
    assert number_text(10**5000) == "null"


def test_a_value_is_trimmed_as_ecmascript_trims() -> None:
    assert value_text("\ufeff\u00a0\u2003 a\u00a0b \u3000\n") == "a\u00a0b"
    # Python's strip would take this separator away; here it is a control character.
    assert value_text("a\x1f ") == "a"


def test_control_characters_go_and_line_ends_stay() -> None:
    assert value_text("a\x00b\x07c\td\r\ne\x7ff\x9fg") == "abc\td\r\nefg"


def test_a_lone_surrogate_can_be_sent() -> None:
    assert value_text(json.loads(r'"a\ud800b"')) == "a\ufffdb"


def test_a_value_is_cut_at_five_thousand_code_points() -> None:
    assert value_text("🙂" * 6000) == "🙂" * 5000
    assert len(value_text({"a": ["x" * 10] * 1000})) == 5000


def test_indented_json_is_that_of_json_stringify() -> None:
    value = {"a": [1.0, {"b": None}], "empty": {}, "none": [], "text": "ü\n"}
    assert json_text(value, indent=2) == (
        '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ],\n'
        '  "empty": {},\n  "none": [],\n  "text": "ü\\n"\n}'
    )


def test_any_depth_is_written_without_recursion() -> None:
    value: object = 1
    for _ in range(50_000):
        value = [value]
    assert json_text(value) == "[" * 50_000 + "1" + "]" * 50_000
    assert value_text(value) == "[" * 5000


TRUTHY: list[object] = [True, 1, -1, 0.5, float("inf"), " ", "0", [0], {}, {"a": 0}]
FALSY: list[object] = [None, False, 0, 0.0, -0.0, float("nan"), "", [], ()]


@pytest.mark.parametrize("value", [*TRUTHY, *FALSY])
def test_a_condition_holds_as_in_ecmascript_but_for_an_empty_list(value: object) -> None:
    assert is_truthy(value) is any(value is each for each in TRUTHY)
