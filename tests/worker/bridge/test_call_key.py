"""The keys under which a call to the bridge counts once."""

import re

import pytest

from notification.bridge.message import call_key, delivery_key
from notification.errors import ServiceError

pytestmark = pytest.mark.requirement("C-0.44")


def key(
    *,
    user_id: str = "ops",
    channel: str = "lark",
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
) -> str | None:
    return call_key(user_id=user_id, channel=channel, headers=headers or {}, query=query or {})


@pytest.mark.parametrize("headers", [{}, {"x-request-id": "r-1"}, {"x-amzn-trace-id": "t"}])
def test_a_call_without_a_key_has_none(headers: dict[str, str]) -> None:
    assert key(headers=headers) is None


@pytest.mark.parametrize("name", ["idempotency-key", "x-github-delivery"])
def test_a_callers_key_is_bound_to_recipient_and_channel(name: str) -> None:
    first = key(headers={name: "id-1"})
    assert re.fullmatch(r"bridge:[0-9a-f]{64}", first or "")
    assert key(headers={name: "id-1"}) == first
    others = [
        key(headers={name: "id-2"}),
        key(headers={name: "id-1"}, channel="slack"),
        key(headers={name: "id-1"}, user_id="dev"),
    ]
    assert len({first, *others}) == 4


def test_one_key_is_the_same_in_the_query_and_in_the_header() -> None:
    in_query = key(query={"idempotency_key": "a"})
    assert in_query == key(headers={"idempotency-key": "a"})
    assert in_query != key(headers={"x-github-delivery": "a"})
    both = {"idempotency-key": "b", "x-github-delivery": "c"}
    assert key(query={"idempotency_key": "a"}, headers=both) == in_query
    assert key(headers=both) == key(headers={"idempotency-key": "b"})


@pytest.mark.parametrize("text", ["", "k" * 256, "k" * 5_000])
def test_every_source_of_a_key_is_held_to_255_characters(text: str) -> None:
    sources: list[tuple[str, dict[str, str], dict[str, str]]] = [
        ("idempotency_key", {"idempotency_key": text}, {}),
        ("Idempotency-Key", {}, {"idempotency-key": text}),
        ("X-GitHub-Delivery", {}, {"x-github-delivery": text}),
        ("X-GitHub-Delivery", {}, {"idempotency-key": "right", "x-github-delivery": text}),
    ]
    for name, query, headers in sources:
        with pytest.raises(ServiceError) as refused:
            key(query=query, headers=headers)
        assert refused.value.code == "INVALID_IDEMPOTENCY_KEY"
        assert refused.value.text == f"{name} must be 1 to 255 characters"
    with pytest.raises(ServiceError, match="webhook-id must be 1 to 255 characters"):
        delivery_key("ops", "lark", text)


def test_the_longest_key_is_taken() -> None:
    assert key(headers={"idempotency-key": "k" * 255}) is not None


@pytest.mark.requirement("C-0.50")
def test_a_key_with_a_control_character_is_refused_as_a_threat() -> None:
    with pytest.raises(ServiceError) as refused:
        key(query={"idempotency_key": "a\x00b"})
    assert refused.value.code == "SECURITY_THREAT_DETECTED"


def test_user_and_channel_cannot_be_confused() -> None:
    headers = {"idempotency-key": "k"}
    assert key(user_id="a", channel="blark", headers=headers) != key(
        user_id="ab", channel="lark", headers=headers
    )
