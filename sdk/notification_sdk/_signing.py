"""Signatures of requests to the service."""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal

from notification_sdk._arguments import known


def sign_request(
    key: str,
    *,
    timestamp: str,
    method: str,
    target: str,
    body: bytes = b"",
    version: Literal[1, 2] = 2,
) -> str:
    """Return the ``X-Signature`` of a request, as lower-case hex.

    The clients of this library sign by themselves; this is for other HTTP libraries.

    Args:
        key: the service's API secret key.
        timestamp: the ``X-Timestamp`` header as sent: milliseconds since the epoch.
        method: the HTTP method, in capitals.
        target: path and query as sent, percent-encoded.
        body: the raw body.
        version: the ``X-Signature-Version``. Version 1 covers neither method nor path of a
            request with a body; a service may refuse it.

    Raises:
        ValueError: there is no such version.
    """
    known("version", version, (1, 2))
    if version == 2:
        digest = hashlib.sha256(body).hexdigest()
        message = f"{timestamp}\n{method}\n{target}\n{digest}".encode()
    elif method in ("GET", "HEAD", "DELETE"):
        message = f"{timestamp}{target}".encode()
    else:
        message = timestamp.encode() + body
    return hmac.digest(key.encode(), message, "sha256").hex()


def signature_headers(
    key: str, *, now: float, method: str, target: str, body: bytes
) -> dict[str, str]:
    """Return the three headers that sign a request now.

    Args:
        now: seconds since the epoch.
    """
    timestamp = str(int(now * 1000))
    return {
        "X-Timestamp": timestamp,
        "X-Signature-Version": "2",
        "X-Signature": sign_request(
            key, timestamp=timestamp, method=method, target=target, body=body
        ),
    }
