"""Request signatures, versions 1 and 2."""

import hashlib
import hmac
import re
from functools import lru_cache

from notification.errors import ServiceError
from notification.http.request import Request
from notification.settings import Settings

WINDOW_MS = 300_000
_TIMESTAMP = re.compile(r"[0-9]{1,16}")
_SIGNATURE = re.compile(r"[0-9a-fA-F]{64}")


def string_to_sign(request: Request, timestamp: str, version: int) -> bytes:
    """Return what the caller signs with HMAC-SHA256.

    Version 1: the timestamp, then path and query for GET, HEAD and DELETE, else the raw body.
    Version 2: timestamp, method, path and query, hex SHA-256 of the body, joined by newlines.
    """
    if version == 2:
        digest = hashlib.sha256(request.body).hexdigest()
        return f"{timestamp}\n{request.method}\n{request.target}\n{digest}".encode()
    if request.method in ("GET", "HEAD", "DELETE"):
        return f"{timestamp}{request.target}".encode()
    return timestamp.encode() + request.body


@lru_cache
def signing_key_id(key: str) -> str:
    """Return eight hex digits that name a signing key without revealing it."""
    return hmac.digest(key.encode(), b"signing-key-id", "sha256").hex()[:8]


def authenticate(request: Request, settings: Settings, now_ms: int) -> None:
    """Check the signature of a request.

    The checks run in this order: headers present, timestamp readable, within five minutes either
    way, signature. A timestamp of fewer than twelve digits is in seconds, else in milliseconds.
    While keys rotate, the previous key is accepted as well; the request remembers the id of the one
    that signed it. No part of a key or signature reaches the error.

    Raises:
        ServiceError: the request is not let in.
    """
    weakness = settings.secret_weakness()
    if weakness is not None:
        raise ServiceError("WEAK_SECRET", f"The service refuses to work: {weakness}")
    timestamp = request.headers.get("x-timestamp", "")
    signature = request.headers.get("x-signature", "")
    if not timestamp or not signature:
        raise ServiceError("MISSING_SIGNATURE", "Missing signature headers")
    if _TIMESTAMP.fullmatch(timestamp) is None:
        raise ServiceError("INVALID_TIMESTAMP", "Invalid timestamp")
    sent_ms = int(timestamp) * (1000 if len(timestamp) < 12 else 1)
    if abs(now_ms - sent_ms) > WINDOW_MS:
        raise ServiceError("REQUEST_EXPIRED", "Request expired")
    if not _matches(request, settings, timestamp, signature):
        raise ServiceError("INVALID_SIGNATURE", "Invalid signature")


def _matches(request: Request, settings: Settings, timestamp: str, signature: str) -> bool:
    declared = request.headers.get("x-signature-version", "1").strip()
    if declared not in ("1", "2") or _SIGNATURE.fullmatch(signature) is None:
        return False
    if declared == "1" and not settings.accept_signature_v1:
        return False
    message = string_to_sign(request, timestamp, int(declared))
    presented = bytes.fromhex(signature)
    keys = [settings.api_secret_key]
    if settings.api_secret_key_previous:
        keys.append(settings.api_secret_key_previous)
    # The newest key last: where two are equal, the call counts for today's.
    for key in reversed(keys):
        expected = hmac.digest(key.encode(), message, "sha256")
        if hmac.compare_digest(expected, presented):
            request.key_id = signing_key_id(key)
    return bool(request.key_id)
