"""Validation of a send, with the contract's codes and texts."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.errors import ServiceError
from notification.sending.command import parse_send
from tests.worker.world import World

VALID = {"user_id": "u1", "channels": ["webhook"], "custom_content": {"content": "x"}}
BIG = {str(n): "x" * 700 for n in range(100)}


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"user_id": None}, "INVALID_USER_ID", "user_id is required and must be a string"),
        ({"user_id": 7}, "INVALID_USER_ID", "user_id is required and must be a string"),
        ({"user_id": ""}, "INVALID_USER_ID", "user_id is required and must be a string"),
        ({"user_id": " \u0000\t"}, "INVALID_USER_ID", "user_id cannot be empty after sanitization"),
        ({"user_id": "\ufeff"}, "INVALID_USER_ID", "user_id cannot be empty after sanitization"),
        ({"user_id": "x" * 101}, "INVALID_USER_ID", "user_id must not exceed 100 characters"),
        (
            {"channels": None},
            "INVALID_CHANNELS",
            "channels is required and must be a non-empty array",
        ),
        (
            {"channels": []},
            "INVALID_CHANNELS",
            "channels is required and must be a non-empty array",
        ),
        ({"channels": "webhook"}, "INVALID_CHANNELS", "channels is required and must be"),
        (
            {"channels": ["email"]},
            "INVALID_CHANNEL_TYPE",
            "Invalid channel: email. Valid channels are",
        ),
        (
            {"channels": [1]},
            "INVALID_CHANNEL_TYPE",
            "Invalid channel: 1. Valid channels are: webhook",
        ),
        ({"template_key": 1}, "INVALID_TEMPLATE_KEY", "template_key must be a string"),
        ({"template_key": "a.b"}, "INVALID_TEMPLATE_KEY", "template_key must be 1 to 100"),
        ({"variables": []}, "INVALID_VARIABLES", "variables must be an object"),
        ({"variables": dict.fromkeys(map(str, range(101)))}, "INVALID_VARIABLES", "100 keys"),
        ({"variables": BIG}, "INVALID_VARIABLES", "65536 bytes"),
        ({"custom_content": "x"}, "INVALID_CUSTOM_CONTENT", "custom_content must be an object"),
        (
            {"custom_content": {}},
            "INVALID_CONTENT",
            "custom_content.content is required and must be",
        ),
        (
            {"custom_content": {"content": 1}},
            "INVALID_CONTENT",
            "custom_content.content is required",
        ),
        ({"custom_content": {"content": "x" * 100_001}}, "INVALID_CONTENT", "100000 characters"),
        (
            {"custom_content": {"content": "x", "subject": 1}},
            "INVALID_SUBJECT",
            "custom_content.subject must be a string",
        ),
        (
            {"custom_content": {"content": "x", "subject": "x" * 1001}},
            "INVALID_SUBJECT",
            "1000 characters",
        ),
        (
            {"custom_content": None},
            "MISSING_CONTENT",
            "Either template_key or custom_content must be provided",
        ),
        ({"idempotency_key": 1}, "INVALID_IDEMPOTENCY_KEY", "idempotency_key must be a string"),
        ({"idempotency_key": ""}, "INVALID_IDEMPOTENCY_KEY", "1 to 255 characters"),
        ({"idempotency_key": "x" * 256}, "INVALID_IDEMPOTENCY_KEY", "1 to 255 characters"),
        ({"idempotency_key": "a\0b"}, "SECURITY_THREAT_DETECTED", "idempotency_key must not hold"),
        ({"metadata": 1}, "INVALID_METADATA", "metadata must be an object"),
        ({"metadata": {"a": "x" * 5000}}, "INVALID_METADATA", "4096 bytes"),
        ({"custom_content": {"content": "  "}}, "INVALID_CONTENT", "a character that can be seen"),
        ({"custom_content": {"content": "\u200b\u2060"}}, "INVALID_CONTENT", "can be seen"),
        ({"custom_content": {"content": "\u0000\n"}}, "INVALID_CONTENT", "can be seen"),
    ],
)
def test_each_mistake_has_its_code_and_text(
    world: World, change: dict[str, Any], code: str, text: str
) -> None:
    body = {k: v for k, v in {**VALID, **change}.items() if v is not None}
    refused = world.request("POST", "/api/notifications/send", body)
    assert (refused.status, refused.code) == (400, code)
    assert text in refused.json["error"]
    assert world.database.calls == 0


@pytest.mark.requirement("B-31")
@pytest.mark.parametrize(
    "text",
    [
        "connections = 5",
        "Blocked: <script>alert(1)</script>",
        "JavaScript:alert(1) <img src=x onerror = y> <iframe>",
        "line 1\nline 2\nline 3\n",
    ],
)
def test_a_text_that_quotes_a_script_is_delivered_as_it_is(world: World, text: str) -> None:
    world.configure()
    [result] = world.send(custom_content={"content": text, "subject": "<script>"}).json["results"]
    assert result["status"] == "sent"
    [body] = world.endpoints.bodies
    assert (body["content"], body["subject"]) == (text.strip(), "<script>")


def test_control_characters_of_a_content_are_left_out(world: World) -> None:
    world.configure()
    world.send(custom_content={"content": "a\x00b\tc\x1b[0m"})
    assert world.endpoints.bodies[0]["content"] == "ab\tc[0m"


@pytest.mark.requirement("B-09")
def test_repeated_channels_collapse_and_keep_their_order(world: World) -> None:
    world.configure()
    results = world.send(channels=["webhook", "webhook"]).json["results"]
    assert len(results) == len(world.endpoints.received) == 1


@pytest.mark.requirement("B-08")
def test_an_unknown_template_is_400(world: World) -> None:
    world.configure()
    refused = world.request(
        "POST",
        "/api/notifications/send",
        {
            "user_id": "u1",
            "channels": ["webhook"],
            "template_key": "missing",
            "idempotency_key": "k",
        },
    )
    assert (refused.status, refused.code) == (400, "TEMPLATE_NOT_FOUND")
    assert refused.json["error"] == "Template not found: missing"
    assert world.database.rows("SELECT * FROM idempotency_keys") == []


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), _json, max_size=4), st.permutations(["a", "b", "c"]))
def test_the_request_hash_ignores_order_and_metadata(
    variables: dict[str, Any], channels: list[str]
) -> None:
    body = {**VALID, "channels": channels, "variables": variables, "metadata": {"x": 1}}
    shuffled = {
        **dict(reversed(VALID.items())),
        "channels": ["c", "b", "a", "a"],
        "variables": dict(reversed(variables.items())),
    }
    parsed = [
        parse_send(document, known_channels=("a", "b", "c"), header_key=None, now_ms=0)
        for document in (body, shuffled)
    ]
    assert parsed[0].request_hash() == parsed[1].request_hash()


def test_the_request_hash_is_the_contracts() -> None:
    command = parse_send(
        {
            "user_id": "u",
            "channels": ["b", "a"],
            "variables": {"é": 1},
            "custom_content": {"content": "c"},
        },
        known_channels=("a", "b"),
        header_key=None,
        now_ms=0,
    )
    text = (
        '{"channels":["a","b"],"custom_content":{"content":"c"},"template_key":null,'
        '"user_id":"u","variables":{"é":1}}'
    )
    assert command.request_hash() == hashlib.sha256(text.encode()).hexdigest()


@settings(deadline=None)
@given(_json)
def test_any_json_is_accepted_or_refused_with_a_code(document: Any) -> None:
    for name in (
        "user_id",
        "channels",
        "template_key",
        "variables",
        "custom_content",
        "idempotency_key",
        "metadata",
    ):
        with contextlib.suppress(ServiceError):
            parse_send(
                {**VALID, name: document}, known_channels=("webhook",), header_key=None, now_ms=0
            )
