"""Standard Webhooks headers."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest

from notification.channels.standard_webhooks import signing_keys, standard_headers
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
