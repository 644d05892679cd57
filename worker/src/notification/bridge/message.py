"""What a call to the bridge asks for: its message, and the key under which it counts once."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from notification.markup.plain_text import trim, without_control_characters
from notification.templates.values import json_text, scalar_text

DEFAULT_SUBJECT = "Webhook Notification"
MAX_CONTENT = 100_000
"""Code points; no channel takes more."""
_SUBJECT_FIELDS = ("subject", "title", "summary", "alertname")
_CONTENT_FIELDS = ("text", "message", "content", "description", "payload")
_INDENT = 2


class BridgeMessage(NamedTuple):
    """The subject and content of a notification."""

    subject: str
    content: str


def bridge_message(parsed: Any) -> BridgeMessage | None:
    """Find subject and content in a parsed body.

    From an object the first non-empty subject field and content field are taken; without a content
    field the whole object is the content, as indented JSON. Anything else is the content itself.

    Returns:
        The message, or None if there is nothing to send.
    """
    if not isinstance(parsed, dict):
        content = _content(parsed)
        return BridgeMessage(DEFAULT_SUBJECT, content) if content else None
    subject = content = ""
    for name in _SUBJECT_FIELDS:
        subject = subject or _field(parsed.get(name), indent=0)
    for name in _CONTENT_FIELDS:
        content = content or _content(parsed.get(name))
    content = content or _content(parsed)
    return BridgeMessage(subject or DEFAULT_SUBJECT, content) if content else None


def event_message(parsed: Any) -> BridgeMessage | None:
    """Find the message in an event of Standard Webhooks: subject in `type`, content in `data`.

    A body without them is read as one of the bridge's.
    """
    if not isinstance(parsed, dict) or "data" not in parsed:
        return bridge_message(parsed)
    inner = bridge_message(parsed["data"])
    if inner is None:
        return bridge_message(parsed)
    subject = _field(parsed.get("type"), indent=0)
    if inner.subject != DEFAULT_SUBJECT or not subject:
        return inner
    return BridgeMessage(subject, inner.content)


def _content(value: Any) -> str:
    return _field(value, indent=_INDENT)


def _field(value: Any, *, indent: int) -> str:
    """Return a field as text: empty for null, white space, and empty objects and lists."""
    if isinstance(value, dict | list):
        text = json_text(value, indent=indent, limit=MAX_CONTENT) if value else ""
    elif value is None:
        text = ""
    else:
        text = value if isinstance(value, str) else scalar_text(value)
    return text if trim(without_control_characters(text)) else ""


BODY_WINDOW_S = 10
"""Seconds within which an equal body counts as a repetition."""
HEADER_WINDOW_S = 86_400
"""Seconds for which the caller's delivery id is remembered."""
_HEADERS = ("idempotency-key", "x-github-delivery", "x-request-id")


class CallIdentity(NamedTuple):
    """An idempotency key, and for how many seconds it holds."""

    key: str
    window_s: int


def call_identity(
    *, user_id: str, channel: str, headers: Mapping[str, str], body: bytes
) -> CallIdentity:
    """Derive a call's key from the delivery id in its headers, or else from its body.

    Recipient and channel are part of the key, so that one delivery can go to several bridges.

    Args:
        user_id: the recipient.
        channel: the channel.
        headers: the request's headers, with names in lower case.
        body: the request's body.
    """
    for name in _HEADERS:
        given = headers.get(name, "").strip()
        if given:
            return CallIdentity(_key([user_id, channel, name, given]), HEADER_WINDOW_S)
    digest = hashlib.sha256(body).hexdigest()
    return CallIdentity(_key([user_id, channel, "body", digest]), BODY_WINDOW_S)


def delivery_identity(user_id: str, channel: str, delivery: str) -> CallIdentity:
    """Derive the key of a signed delivery, which its sender repeats under the same id."""
    return CallIdentity(_key([user_id, channel, "webhook-id", delivery]), HEADER_WINDOW_S)


def _key(material: list[str]) -> str:
    written = json.dumps(material, separators=(",", ":"))
    return f"bridge:{hashlib.sha256(written.encode()).hexdigest()}"
