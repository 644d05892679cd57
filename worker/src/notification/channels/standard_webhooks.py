"""Standard Webhooks 1.0 (www.standardwebhooks.com): signing calls, and verifying others'."""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any

from notification.errors import ChannelRefusal

SCHEME = "standard-webhooks"
_PREFIX = "whsec_"
_MIN_BYTES = 24
_MAX_BYTES = 64
_MAX_SECRETS = 5
_MAX_SIGNATURES = 10
"""Signatures of one call that are compared: a sender has one for each of its keys."""
_WINDOW_MS = 300_000
"""How far a call's time may be off: the tolerance of the scheme's own libraries."""
_NO_KEY = b"\0" * _MIN_BYTES
"""Stands for a key that isn't there; what it signs is never genuine."""
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def signing_keys(config: dict[str, Any], field: str = "signing_secret") -> list[bytes]:
    """Return the keys in a field; there are several while one is being rotated.

    Raises:
        ChannelRefusal: there are none or too many, or one is malformed.
    """
    value = config.get(field)
    secrets = value if isinstance(value, list) else [value]
    if not 1 <= len(secrets) <= _MAX_SECRETS:
        raise ChannelRefusal("INVALID_CONFIG", f"{field} may hold 1 to {_MAX_SECRETS} keys")
    return [_key(secret, field) for secret in secrets]


def is_genuine(headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now_ms: int) -> bool:
    """Say whether one of the keys has signed the call within the last five minutes.

    The headers have lower-case names. The work is the same for none and for the most keys, and
    every one is compared with every signature, so that the time taken tells nothing of them.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or _TIMESTAMP.fullmatch(timestamp) is None:
        return False
    if abs(now_ms - int(timestamp) * 1000) > _WINDOW_MS:
        return False
    content = f"{message_id}.{timestamp}.".encode() + body
    presented = headers.get("webhook-signature", "").split(" ")[:_MAX_SIGNATURES]
    genuine = False
    padding = [_NO_KEY] * (_MAX_SECRETS - len(keys))
    for key in (*keys, *padding):
        digest = base64.b64encode(hmac.digest(key, content, "sha256")).decode()
        for signature in presented:
            equal = hmac.compare_digest(
                f"v1,{digest}".encode(), signature.encode("utf-8", "replace")
            )
            genuine |= equal and key is not _NO_KEY
    return genuine


def _key(secret: Any, field: str) -> bytes:
    try:
        if not isinstance(secret, str) or not secret.startswith(_PREFIX):
            raise ValueError
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        if not _MIN_BYTES <= len(key) <= _MAX_BYTES:
            raise ValueError
    except (ValueError, binascii.Error):
        raise ChannelRefusal(
            "INVALID_CONFIG",
            f"{field} must be whsec_ followed by the base64 of 24 to 64 bytes",
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
