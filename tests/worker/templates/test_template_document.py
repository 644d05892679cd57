"""A template's document: what it may hold, and the first mistake by its words."""

from __future__ import annotations

from typing import Any

import pytest

from notification.errors import ServiceError
from notification.templates.template_document import read_content, read_template_document

CHANNELS = ("webhook", "slack")


def content(**fields: Any) -> dict[str, Any]:
    return {"content_template": "x", **fields}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"is_active": 1}, "is_active must be a boolean"),
        ({"is_active": None}, "is_active must be a boolean"),
        ({"strict": 1}, "strict must be a boolean"),
        ({"name": 1}, "template_name must be a string"),
        ({"template_name": "n" * 201}, "template_name must not exceed 200 characters"),
        ({"description": "d" * 1_001}, "description must not exceed 1000 characters"),
        ({"variables": "a"}, "Variables must be an array"),
        ({"variables": ["a", 1]}, "Variables must be an array"),
        ({"contents": []}, "Contents must be an object"),
        ({"channels": ["slack"]}, "Each of channels must have a channel_type"),
        ({"channels": [{"channel_type": 1}]}, "Each of channels must have a channel_type"),
        ({"contents": {"slack": "x"}}, "Content of slack must be an object"),
        ({"contents": {"slack": {}}}, "content_template is required for channel slack"),
        ({"contents": {"slack": content(content_template="")}}, "content_template is required"),
        ({"contents": {"slack": content(content_type="xml")}}, "content_type must be one of: "),
        ({"contents": {"slack": content(extra_config=[])}}, "extra_config must be an object"),
        ({"contents": {"slack": content(subject_template=1)}}, "subject_template must be a string"),
        (
            {"contents": {"slack": content(subject_template="s" * 1_001)}},
            "subject_template must not exceed 1000 characters",
        ),
        ({"contents": {"fax": content()}}, "Invalid channel: fax. Valid channels are: webhook, "),
    ],
)
def test_the_first_mistake_is_told(body: dict[str, Any], words: str) -> None:
    with pytest.raises(ServiceError) as refused:
        read_template_document(body, CHANNELS)
    assert refused.value.text.startswith(words)


def test_a_document_at_its_limits_is_read_whole() -> None:
    found = read_template_document(
        {
            "name": "n" * 200,
            "description": "d" * 1_000,
            "variables": [],
            "strict": False,
            "contents": {"slack": content(subject_template="s" * 1_000, extra_config={})},
        },
        CHANNELS,
    )
    assert (found.name, found.description, found.variables) == ("n" * 200, "d" * 1_000, [])
    assert (found.strict, found.is_active) == (False, True)
    [row] = found.contents
    assert row == ("slack", "text", "s" * 1_000, "x", {})


def test_what_is_left_out_is_none_and_an_empty_text_too() -> None:
    found = read_template_document({"name": "", "is_active": False}, CHANNELS)
    assert (found.name, found.description, found.variables, found.strict) == (None,) * 4
    assert (found.is_active, found.contents) == (False, [])


def test_contents_come_by_channel_or_as_a_list() -> None:
    by_list = read_template_document(
        {"channels": [content(channel_type="slack"), content(type="webhook")]}, CHANNELS
    )
    by_name = read_template_document(
        {"contents": {"slack": content(), "webhook": content()}}, CHANNELS
    )
    assert by_list.contents == by_name.contents
    both = read_template_document({"contents": {}, "channels": [content(type="slack")]}, CHANNELS)
    assert both.contents == []


def test_a_content_that_is_json_is_written_as_text() -> None:
    row = read_content("slack", {"content_template": {"a": "\u00fc"}}, CHANNELS)
    assert (row.content_type, row.content) == ("json", '{"a": "\u00fc"}')
