"""What the bridge makes of a parsed body."""

from typing import Any

import pytest

from notification.bridge.message import DEFAULT_SUBJECT, BridgeMessage, bridge_message

pytestmark = pytest.mark.requirement("C-8.2")


def test_the_contracts_example() -> None:
    body = {"subject": "Server alarm", "message": "CPU above 90%", "severity": "critical"}
    assert bridge_message(body) == BridgeMessage("Server alarm", "CPU above 90%")


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        ({"alertname": "d", "summary": "c", "title": "b", "subject": "a"}, "a"),
        ({"alertname": "d", "summary": "c", "title": "b", "subject": " "}, "b"),
        ({"alertname": "d", "summary": "c", "title": None}, "c"),
        ({"alertname": "d", "summary": "\x00"}, "d"),
        ({"subject": 7}, "7"),
        ({"subject": {"a": [1.0]}}, '{"a":[1]}'),
        ({"subject": {}}, DEFAULT_SUBJECT),
        ({}, DEFAULT_SUBJECT),
    ],
)
def test_the_first_non_empty_subject_field_is_taken(body: dict[str, Any], subject: str) -> None:
    message = bridge_message(body | {"text": "x"})
    assert message == BridgeMessage(subject, "x")


@pytest.mark.parametrize(
    ("body", "content"),
    [
        ({"payload": "e", "description": "d", "content": "c", "message": "b", "text": "a"}, "a"),
        ({"payload": "e", "description": "d", "content": "c", "message": ""}, "c"),
        ({"payload": "e", "description": "d"}, "d"),
        ({"payload": {"a": 1.0, "b": []}}, '{\n  "a": 1,\n  "b": []\n}'),
        ({"payload": [1, {"x": None}]}, '[\n  1,\n  {\n    "x": null\n  }\n]'),
        ({"text": 5}, "5"),
        ({"text": False}, "false"),
        ({"text": 0}, "0"),
    ],
)
def test_the_first_non_empty_content_field_is_taken(body: dict[str, Any], content: str) -> None:
    assert bridge_message(body) == BridgeMessage(DEFAULT_SUBJECT, content)


def test_without_a_content_field_the_whole_object_is_the_content() -> None:
    message = bridge_message({"title": "T", "cpu": 90.5, "text": None})
    expected = '{\n  "title": "T",\n  "cpu": 90.5,\n  "text": null\n}'
    assert message == BridgeMessage("T", expected)


@pytest.mark.parametrize(
    ("body", "content"),
    [
        ("plain text\n", "plain text\n"),
        ([1, "a"], '[\n  1,\n  "a"\n]'),
        (42, "42"),
        (True, "true"),
    ],
)
def test_anything_but_an_object_is_the_content(body: Any, content: str) -> None:
    assert bridge_message(body) == BridgeMessage(DEFAULT_SUBJECT, content)


@pytest.mark.parametrize("body", ["", " \r\n", "\x00\x07", None, {}, []])
def test_an_empty_body_has_nothing_to_send(body: Any) -> None:
    assert bridge_message(body) is None


def test_a_huge_object_is_cut_at_the_content_limit() -> None:
    message = bridge_message({"items": list(range(1_000_000))})
    assert message is not None
    assert 100_000 < len(message.content) < 100_100


@pytest.mark.requirement("C-0.50")
@pytest.mark.parametrize("blank", ["\u200b", "\u200b \ufeff", "\u2060\n", "\x00\x07", "\u00ad"])
def test_a_text_without_a_visible_character_is_no_content(blank: str) -> None:
    assert bridge_message(blank) is None
    assert bridge_message({"subject": blank, "text": blank, "content": "x"}) == BridgeMessage(
        "Webhook Notification", "x"
    )
