"""Webhooks of the deployed service, verified by the official libraries of two languages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.integration.conformance.chat_apis import ChatApis
from tests.integration.conformance.deployed import Deployed

SCRIPT = Path(__file__).parent / "verify_webhook.mjs"
OLD = "whsec_" + base64.b64encode(b"the key of last quarter, 32 byte").decode()
NEW = "whsec_" + base64.b64encode(b"the key of this quarter, 32 byte").decode()
STRANGE = "whsec_" + base64.b64encode(b"a key that nobody has given out.").decode()


def verify_in_node(secret: str, payload: str, headers: dict[str, str]) -> str:
    document = json.dumps({"secret": secret, "payload": payload, "headers": headers})
    result = subprocess.run(
        ["node", str(SCRIPT)],
        input=document,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return result.stdout


def delivered(
    service: Deployed, apis: ChatApis, user: str, **config: object
) -> tuple[dict[str, str], str, str]:
    """Headers and body of one delivered webhook, and its message id."""
    service.configure(user, "webhook", webhook_url=f"{apis.url}/hook/{user}", **config)
    [sent] = service.send(user, custom_content={"subject": "Größe", "content": "✓ & {}"})
    [(_, headers, body)] = [entry for entry in apis.received if entry[0] == f"/hook/{user}"]
    return headers, body, sent["messageId"]


@pytest.mark.requirement("C-0.23")
def test_receivers_with_either_key_of_a_rotation_verify_the_webhook(
    service: Deployed, apis: ChatApis, user: str
) -> None:
    headers, body, message_id = delivered(
        service, apis, user, signing="standard-webhooks", signing_secret=[NEW, OLD]
    )
    assert headers["webhook-id"] == message_id
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (NEW, OLD):
        Webhook(secret).verify(body, headers)
        assert verify_in_node(secret, body, headers) == "ok"
    for payload, secret in ((body + " ", NEW), (body, STRANGE)):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(payload, headers)
        assert verify_in_node(secret, payload, headers) != "ok"


@pytest.mark.requirement("C-4.1", "C-0.23")
def test_one_key_gives_one_signature_beside_the_contracts_own(
    service: Deployed, apis: ChatApis, user: str
) -> None:
    headers, body, _ = delivered(
        service, apis, user, signing="standard-webhooks", signing_secret=NEW, secret="shared"
    )
    Webhook(NEW).verify(body, headers)
    text = headers["x-notification-timestamp"] + body
    expected = hmac.new(b"shared", text.encode(), hashlib.sha256).hexdigest()
    assert headers["x-notification-signature"] == f"sha256={expected}"
    assert len(headers["webhook-signature"].split(" ")) == 1
