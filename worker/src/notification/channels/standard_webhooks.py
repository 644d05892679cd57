"""Headers of Standard Webhooks 1.0 (www.standardwebhooks.com), which receivers verify."""

import base64
import binascii
import hmac
from typing import Any

from notification.errors import ChannelRefusal

SCHEME = "standard-webhooks"
_PREFIX = "whsec_"
_MIN_BYTES = 24
_MAX_BYTES = 64
_MAX_SECRETS = 5


def signing_keys(config: dict[str, Any]) -> list[bytes]:
    """Return the keys in `signing_secret`; there are several while one is being rotated.

    Raises:
        ChannelRefusal: there are none or too many, or one is malformed.
    """
    value = config.get("signing_secret")
    secrets = value if isinstance(value, list) else [value]
    if not 1 <= len(secrets) <= _MAX_SECRETS:
        raise ChannelRefusal("INVALID_CONFIG", f"signing_secret may hold 1 to {_MAX_SECRETS} keys")
    return [_key(secret) for secret in secrets]


def _key(secret: Any) -> bytes:
    try:
        if not isinstance(secret, str) or not secret.startswith(_PREFIX):
            raise ValueError
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        if not _MIN_BYTES <= len(key) <= _MAX_BYTES:
            raise ValueError
    except (ValueError, binascii.Error):
        raise ChannelRefusal(
            "INVALID_CONFIG",
            "signing_secret must be whsec_ followed by the base64 of 24 to 64 bytes",
        ) from None
    return key


def standard_headers(
    message_id: str, timestamp: int, body: str, keys: list[bytes]
) -> dict[str, str]:
    """Return `webhook-id`, `webhook-timestamp` (Unix seconds) and a `v1` signature for each key."""
    content = f"{message_id}.{timestamp}.{body}".encode()
    digests = (hmac.digest(key, content, "sha256") for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            f"v1,{base64.b64encode(digest).decode()}" for digest in digests
        ),
    }
