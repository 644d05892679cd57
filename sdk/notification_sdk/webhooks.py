"""Receiving the service's webhooks: checking that they are genuine, and reading them.

verifier = WebhookVerifier(secret="a secret that both sides know")
event = verifier.verify(request.headers, request.body)
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from notification_sdk._arguments import at_least
from notification_sdk._errors import WebhookVerificationError

MAX_AGE = 300.0
"""Seconds that a webhook's timestamp may be off, either way."""
_STANDARD_PREFIX = "whsec_"


@dataclass(frozen=True, kw_only=True)
class WebhookEvent:
    """A webhook that is genuine.

    Attributes:
        type: the event, such as ``notification.sent``.
        message_id: the same for every repetition of one notification: skip those you know.
        content: the text; ``None`` where the endpoint is configured for raw bodies.
        subject: the subject line.
        document: the whole body, where it is a JSON object.
    """

    type: str
    message_id: str
    content: str | None
    subject: str | None
    document: Mapping[str, Any] | None


class WebhookVerifier:
    """Checks webhooks against the secret of the endpoint's configuration.

    Args:
        secret: the configuration's ``secret``, for ``X-Notification-Signature``.
        standard_secrets: the configuration's ``signing_secret`` or several while they rotate, each
            ``whsec_`` and base64, for Standard Webhooks.
        max_age: seconds that a timestamp may be off.
        now: returns seconds since the epoch.

    Raises:
        ValueError: there is no secret, or one that can't be a secret.
    """

    def __init__(
        self,
        *,
        secret: str | None = None,
        standard_secrets: str | Iterable[str] = (),
        max_age: float = MAX_AGE,
        now: Callable[[], float] = time.time,
    ) -> None:
        if not secret and not standard_secrets:
            raise ValueError("give secret or standard_secrets: without one nothing can be checked")
        at_least("max_age", max_age, 0)
        self._secret = secret
        self._keys = _standard_keys(standard_secrets or ())
        self._max_age = max_age
        self._now = now

    def verify(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """Return the event.

        Args:
            headers: the request's headers, in any case.
            body: the raw body, as it arrived.

        Raises:
            WebhookVerificationError: it isn't genuine, is too old, or is from the future.
            TypeError: ``body`` isn't bytes: a text has lost what was signed.
        """
        body = _raw(body)
        folded = {name.lower(): value for name, value in headers.items()}
        if not self._is_genuine(folded, body):
            raise WebhookVerificationError(
                "The webhook's signature doesn't match, or its time is off by more than "
                f"{self._max_age:g} s. Compare the secret with the endpoint's configuration."
            )
        return _event(folded, body)

    def _is_genuine(self, headers: Mapping[str, str], body: bytes) -> bool:
        if self._keys and "webhook-signature" in headers:
            return _standard_matches(headers, body, self._keys, self._max_age, self._now())
        if not self._secret:
            return False
        return verify_webhook_signature(
            headers, body, self._secret, max_age=self._max_age, now=self._now
        )


class WebhookHandler:
    """Calls your functions for webhooks that are genuine.

    handler = WebhookHandler(WebhookVerifier(secret=SECRET))

    @handler.on("notification.sent")
    def store(event: WebhookEvent) -> None: ...

    handler.handle(request.headers, request.body)
    """

    def __init__(self, verifier: WebhookVerifier) -> None:
        self._verifier = verifier
        self._functions: dict[str, list[Callable[[WebhookEvent], None]]] = {}

    def on(
        self, event_type: str
    ) -> Callable[[Callable[[WebhookEvent], None]], Callable[[WebhookEvent], None]]:
        """Register a function for an event type; ``*`` means every type."""

        def register(function: Callable[[WebhookEvent], None]) -> Callable[[WebhookEvent], None]:
            self._functions.setdefault(event_type, []).append(function)
            return function

        return register

    def handle(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """Check a webhook, call the functions of its type, and return it.

        Raises:
            WebhookVerificationError: it isn't genuine; nothing is called.
        """
        event = self._verifier.verify(headers, body)
        for function in [*self._functions.get(event.type, ()), *self._functions.get("*", ())]:
            function(event)
        return event


def verify_webhook_signature(
    headers: Mapping[str, str],
    raw_body: bytes,
    secret: str,
    *,
    max_age: float = MAX_AGE,
    now: Callable[[], float] = time.time,
) -> bool:
    """Return whether ``X-Notification-Signature`` is right and its time within ``max_age``.

    The signature is ``sha256=`` and the hex HMAC-SHA256 of the timestamp and the body. Nothing is
    right under an empty secret, under which anybody can sign.
    """
    body = _raw(raw_body)
    folded = {name.lower(): value for name, value in headers.items()}
    timestamp = folded.get("x-notification-timestamp", "")
    presented = folded.get("x-notification-signature", "")
    if not secret or not _is_recent(timestamp, max_age, now()):
        return False
    digest = hmac.digest(secret.encode(), timestamp.encode() + body, "sha256")
    return hmac.compare_digest(f"sha256={digest.hex()}".encode(), _bytes(presented))


def verify_standard_webhook(
    headers: Mapping[str, str],
    raw_body: bytes,
    secrets: str | Iterable[str],
    *,
    max_age: float = MAX_AGE,
    now: Callable[[], float] = time.time,
) -> bool:
    """Return whether a Standard Webhooks 1.0 signature is right and its time within ``max_age``.

    Args:
        secrets: one secret or several while they rotate, each ``whsec_`` and base64.
    """
    keys = _standard_keys(secrets)
    folded = {name.lower(): value for name, value in headers.items()}
    return _standard_matches(folded, _raw(raw_body), keys, max_age, now())


def create_hmac_signature(timestamp: str, nonce: str, body: str, secret: str) -> str:
    """Return the base64 HMAC-SHA256 of timestamp, nonce and body, joined by newlines.

    The service never signs like this; it is for programs of one's own that share a secret.
    """
    digest = hmac.digest(secret.encode(), f"{timestamp}\n{nonce}\n{body}".encode(), "sha256")
    return base64.b64encode(digest).decode()


def verify_hmac_signature(
    signature: str,
    timestamp: str,
    nonce: str,
    body: str,
    secret: str,
    *,
    max_age: float = MAX_AGE,
    now: Callable[[], float] = time.time,
) -> bool:
    """Return whether `create_hmac_signature` made the signature, within ``max_age``.

    Nothing is right under an empty secret.
    """
    if not secret or not _is_recent(timestamp, max_age, now()):
        return False
    expected = create_hmac_signature(timestamp, nonce, body, secret)
    return hmac.compare_digest(expected.encode(), _bytes(signature))


def _standard_matches(
    headers: Mapping[str, str], body: bytes, keys: list[bytes], max_age: float, now: float
) -> bool:
    timestamp = headers.get("webhook-timestamp", "")
    message_id = headers.get("webhook-id", "")
    if not message_id or not _is_recent(timestamp, max_age, now):
        return False
    signed = f"{message_id}.{timestamp}.".encode() + body
    presented = [
        _bytes(each.removeprefix("v1,"))
        for each in headers.get("webhook-signature", "").split(" ")[:16]
        if each.startswith("v1,")
    ]
    genuine = False
    for key in keys:
        expected = base64.b64encode(hmac.digest(key, signed, "sha256"))
        for signature in presented:
            genuine |= hmac.compare_digest(expected, signature)
    return genuine


def _raw(body: bytes) -> bytes:
    """Return the body; what isn't bytes is refused, since decoding may have changed it."""
    if not isinstance(body, bytes | bytearray | memoryview):
        kind = type(body).__name__
        raise TypeError(f"the body must be the raw bytes as they arrived, and is of type {kind}")
    return bytes(body)


def _standard_keys(secrets: str | Iterable[str]) -> list[bytes]:
    listed = [secrets] if isinstance(secrets, str) or not isinstance(secrets, Iterable) else secrets
    return [_standard_key(each) for each in listed]


def _standard_key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_STANDARD_PREFIX), validate=True)
    except (AttributeError, TypeError, binascii.Error, ValueError):
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError(
            "a Standard Webhooks secret is whsec_ followed by the base64 of 24 to 64 bytes"
        )
    return key


def _is_recent(timestamp: str, max_age: float, now: float) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(now - int(timestamp)) <= max_age


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")


def _event(headers: Mapping[str, str], body: bytes) -> WebhookEvent:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    fields = document if isinstance(document, dict) else {}
    content, subject = fields.get("content"), fields.get("subject")
    metadata = fields.get("metadata")
    # The signature covers the body and webhook-id; X-Notification-MessageId is covered by neither.
    message_id = metadata.get("message_id") if isinstance(metadata, dict) else None
    if not isinstance(message_id, str):
        message_id = headers.get("webhook-id") or headers.get("x-notification-messageid", "")
    return WebhookEvent(
        type=headers.get("x-notification-event", "notification.sent"),
        message_id=message_id,
        content=content if isinstance(content, str) else None,
        subject=subject if isinstance(subject, str) else None,
        document=fields if isinstance(document, dict) else None,
    )
