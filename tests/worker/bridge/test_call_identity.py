"""How the bridge recognises a repeated call."""

import re

import pytest

from notification.bridge.message import CallIdentity, call_identity

pytestmark = pytest.mark.requirement("C-8.2")


def identity(
    *,
    user_id: str = "ops",
    channel: str = "lark",
    headers: dict[str, str] | None = None,
    body: bytes = b"x",
) -> CallIdentity:
    return call_identity(user_id=user_id, channel=channel, headers=headers or {}, body=body)


@pytest.mark.requirement("B-11")
def test_an_equal_body_is_the_same_call_for_ten_seconds() -> None:
    first = identity()
    assert re.fullmatch(r"bridge:[0-9a-f]{64}", first.key)
    assert first.window_s == 10
    assert identity() == first
    others = [identity(body=b"y"), identity(user_id="dev"), identity(channel="slack")]
    assert len({first.key, *(other.key for other in others)}) == 4


@pytest.mark.requirement("B-11")
@pytest.mark.parametrize("name", ["idempotency-key", "x-github-delivery", "x-request-id"])
def test_a_delivery_id_counts_more_than_the_body(name: str) -> None:
    first = identity(headers={name: " id-1 "})
    assert first.window_s == 86_400
    assert identity(headers={name: "id-1"}, body=b"other") == first
    assert identity(headers={name: "id-2"}).key != first.key
    assert identity(headers={name: "id-1"}, channel="slack").key != first.key
    assert identity(headers={name: "  "}) == identity()


def test_keys_fit_the_limit_of_idempotency_keys() -> None:
    assert len(identity(headers={"idempotency-key": "k" * 10_000}).key) <= 255


def test_user_and_channel_cannot_be_confused() -> None:
    assert identity(user_id="a", channel="blark") != identity(user_id="ab", channel="lark")
