"""What a call to the bridge asks for: its message, and the key under which it counts once."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from notification.markup.plain_text import trim, without_control_characters
from notification.templates.values import json_text, scalar_text

DEFAULT_SUBJECT = "Webhook Notification"
MAX_CONTENT = 100_000
"""Code points of a content; no channel takes more."""
_SUBJECT_FIELDS = ("subject", "title", "summary", "alertname")
_CONTENT_FIELDS = ("text", "message", "content", "description", "payload")
_INDENT = 2


class BridgeMessage(NamedTuple):
    """What is sent as custom content."""

    subject: str
    content: str


def bridge_message(parsed: Any) -> BridgeMessage | None:
    """The message for a parsed body, or None where there is nothing to send.

    An object gives its first non-empty subject and content field; without a content field the
    whole object is the content, as indented JSON. Anything else is the content itself.
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


def _content(value: Any) -> str:
    return _field(value, indent=_INDENT)


def _field(value: Any, *, indent: int) -> str:
    """A field as text; empty for null, white space, and objects and lists without members."""
    if isinstance(value, dict | list):
        text = json_text(value, indent=indent, limit=MAX_CONTENT) if value else ""
    elif value is None:
        text = ""
    else:
        text = value if isinstance(value, str) else scalar_text(value)
    return text if trim(without_control_characters(text)) else ""


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
