"""How a repeated call of the bridge is known."""

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

BODY_WINDOW_S = 10
"""Seconds in which an equal body is taken for a repetition."""
HEADER_WINDOW_S = 86_400
"""Seconds in which a delivery id that the caller gave is remembered."""
_HEADERS = ("idempotency-key", "x-github-delivery", "x-request-id")


class CallIdentity(NamedTuple):
    """An idempotency key, and the seconds for which it holds."""

    key: str
    window_s: int


def call_identity(
    *, user_id: str, channel: str, headers: Mapping[str, str], body: bytes
) -> CallIdentity:
    """The key of a call: from the delivery id that its headers bring, else from its body.

    `headers` have lower-case names and are those that the caller sent. Recipient and channel
    are part of the key, so that one delivery can go to several bridges.
    """
    for name in _HEADERS:
        given = headers.get(name, "").strip()
        if given:
            return CallIdentity(_key([user_id, channel, name, given]), HEADER_WINDOW_S)
    digest = hashlib.sha256(body).hexdigest()
    return CallIdentity(_key([user_id, channel, "body", digest]), BODY_WINDOW_S)


def _key(material: list[str]) -> str:
    written = json.dumps(material, separators=(",", ":"))
    return f"bridge:{hashlib.sha256(written.encode()).hexdigest()}"
