"""Standard Webhooks headers."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
from typing import Any

import pytest

from notification.channels.standard_webhooks import is_genuine, signing_keys, standard_headers
from notification.errors import ChannelRefusal
from tests.worker.world import ENDPOINT, World

pytestmark = pytest.mark.requirement("C-0.23")

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_example_of_the_specification_comes_out() -> None:
    keys = signing_keys({"signing_secret": SECRET})
    headers = standard_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}', keys
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_receiver_finds_its_key_among_those_of_a_rotation(world: World) -> None:
    other = "whsec_" + base64.b64encode(b"k" * 24).decode()
    world.configure(
        webhook_url=ENDPOINT,
        signing="standard-webhooks",
        signing_secret=[SECRET, other],
        headers={"Webhook-Id": "forged"},
    )
    sent = world.send().json["results"][0]
    request = world.endpoints.received[0][1]
    assert request.headers["webhook-id"] == sent["messageId"]
    assert "Webhook-Id" not in request.headers
    signatures = request.headers["webhook-signature"].split(" ")
    assert len(signatures) == 2
    content = f"{sent['messageId']}.{request.headers['webhook-timestamp']}.{request.body}"
    for secret, signature in zip((SECRET, other), signatures, strict=True):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.new(key, content.encode(), hashlib.sha256).digest()
        assert signature == "v1," + base64.b64encode(digest).decode()
    [row] = world.request("GET", "/api/user-configs?user_id=u1").json["data"]
    assert row["config_data"]["signing_secret"] == ["whse…", "whse…"]


@pytest.mark.parametrize(
    "change",
    [
        {"signing": "other"},
        {"signing": "standard-webhooks"},
        {"signing": "standard-webhooks", "signing_secret": "plain"},
        {"signing": "standard-webhooks", "signing_secret": "whsec_AAAA"},
        {"signing": "standard-webhooks", "signing_secret": "whsec_***"},
        {"signing": "standard-webhooks", "signing_secret": [SECRET] * 6},
        {"signing": "standard-webhooks", "signing_secret": []},
    ],
)
def test_malformed_secrets_are_refused_on_save(world: World, change: dict[str, Any]) -> None:
    document = {
        "user_id": "u1",
        "channel_type": "webhook",
        "config_data": {"webhook_url": ENDPOINT, **change},
    }
    assert world.request("POST", "/api/user-configs", document).status == 400


def secret_of(size: int) -> str:
    return "whsec_" + base64.b64encode(b"k" * size).decode()


@pytest.mark.parametrize(("size", "fits"), [(23, False), (24, True), (64, True), (65, False)])
def test_a_key_has_24_to_64_bytes(size: int, fits: bool) -> None:
    ended = contextlib.nullcontext() if fits else pytest.raises(ChannelRefusal, match="24 to 64")
    with ended:
        assert signing_keys({"k": secret_of(size)}, "k") == [b"k" * size]


@pytest.mark.parametrize(("count", "fits"), [(0, False), (1, True), (5, True), (6, False)])
def test_a_field_holds_one_to_five_keys(count: int, fits: bool) -> None:
    ended = contextlib.nullcontext() if fits else pytest.raises(ChannelRefusal, match="1 to 5 keys")
    with ended:
        assert len(signing_keys({"k": [secret_of(24)] * count}, "k")) == count


def call_signed(key: bytes, at_s: int, *before: str, after: str = "") -> dict[str, str]:
    digest = base64.b64encode(hmac.digest(key, f"m.{at_s}.".encode() + b"{}", "sha256")).decode()
    return {
        "webhook-id": "m",
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join((*before, f"v1,{digest}")) + after,
    }


@pytest.mark.parametrize(
    ("off_ms", "genuine"), [(300_000, True), (300_001, False), (-300_000, True), (-300_001, False)]
)
def test_a_call_is_genuine_for_five_minutes_either_way(off_ms: int, genuine: bool) -> None:
    headers, key = call_signed(b"k" * 24, 1_000), b"k" * 24
    assert is_genuine(headers, b"{}", [key], 1_000_000 + off_ms) is genuine


@pytest.mark.parametrize(("others", "genuine"), [(0, True), (9, True), (10, False)])
def test_the_first_ten_signatures_are_looked_at(others: int, genuine: bool) -> None:
    headers = call_signed(b"k" * 24, 1_000, *["v1,other"] * others, after=" v1,last")
    assert is_genuine(headers, b"{}", [b"a" * 24, b"k" * 24], 1_000_000) is genuine


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-id": ""},
        {"webhook-id": "n"},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "1001"},
        {"webhook-timestamp": "1000.0"},
        {"webhook-timestamp": "1" * 13},
        {"webhook-signature": ""},
        {"webhook-signature": "v2,x"},
    ],
)
def test_a_call_that_is_changed_anywhere_is_not_genuine(changes: dict[str, str]) -> None:
    headers = {**call_signed(b"k" * 24, 1_000), **changes}
    assert is_genuine(headers, b"{}", [b"k" * 24], 1_000_000) is False
    assert is_genuine(call_signed(b"k" * 24, 1_000), b"{ }", [b"k" * 24], 1_000_000) is False
    # What stands for a key that isn't there signs nothing.
    assert is_genuine(call_signed(b"\0" * 24, 1_000), b"{}", [b"k" * 24], 1_000_000) is False
