"""Settings that tell about each secret without telling it: since when, and which one."""

import hashlib
import hmac
from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from infra.settings import values as v

SetOn = Annotated[date, v.Rule("the day as YYYY-MM-DD.", "2026-10-01")]
KeyFingerprints = Annotated[
    dict[str, Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]],
    BeforeValidator(v.json_value),
    v.Rule(
        "a mapping from secrets' keys to 16 hexadecimal digits each.",
        '{"apiSecretKey": "0123456789abcdef"}',
    ),
]


class KeyDates(BaseModel):
    """The day on which each secret was set, and its fingerprint; `notifyctl keys` writes both."""

    api_secret_key_set_on: SetOn | None = Field(
        None, description="day on which apiSecretKey was set"
    )
    encrypt_key_set_on: SetOn | None = Field(None, description="day on which encryptKey was set")
    admin_api_key_set_on: SetOn | None = Field(None, description="day on which adminApiKey was set")
    bridge_token_set_on: SetOn | None = Field(None, description="day on which bridgeToken was set")
    metrics_token_set_on: SetOn | None = Field(
        None, description="day on which metricsToken was set"
    )
    grafana_webhook_password_set_on: SetOn | None = Field(
        None, description="day on which grafanaWebhookPassword was set"
    )
    key_fingerprints: KeyFingerprints = Field(
        {}, description="fingerprint of each secret, which shows two stacks that share one"
    )


def key_fingerprint(key: str, secret: str) -> str:
    """16 hexadecimal digits that are the same wherever that key has that secret.

    HMAC-SHA256 with the secret as the key: it tells nothing about a secret of 32 random characters.
    """
    text = f"key print:{key}".encode()
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()[:16]
