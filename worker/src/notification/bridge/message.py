"""What a call to the bridge asks for: its message, and the key under which it counts once."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from notification.identity import check_key
from notification.markup.plain_text import is_blank
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
    return "" if is_blank(text) else text


def call_key(
    *, user_id: str, channel: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> str | None:
    """Derive a call's idempotency key from the one that its caller gave.

    It stands in the query as `idempotency_key`, or in the header `Idempotency-Key` or
    `X-GitHub-Delivery`; the first counts. Without one there is no key: two equal bodies may be two
    alarms. Recipient and channel are part of the key, so that one delivery can go to several
    bridges.

    Args:
        user_id: the recipient.
        channel: the channel.
        query: the query's parameters.
        headers: the request's headers, with names in lower case.

    Raises:
        ServiceError: one of them can't be a key.
    """
    given = [
        [kind, check_key(place[name], shown)]
        for kind, shown, place, name in (
            ("key", "idempotency_key", query, "idempotency_key"),
            ("key", "Idempotency-Key", headers, "idempotency-key"),
            ("x-github-delivery", "X-GitHub-Delivery", headers, "x-github-delivery"),
        )
        if name in place
    ]
    return _key([user_id, channel, *given[0]]) if given else None


def delivery_key(user_id: str, channel: str, delivery: str) -> str:
    """Derive the key of a signed delivery, which its sender repeats under the same id.

    Raises:
        ServiceError: the id can't be a key.
    """
    return _key([user_id, channel, "webhook-id", check_key(delivery, "webhook-id")])


def _key(material: list[str]) -> str:
    written = json.dumps(material, separators=(",", ":"))
    return f"bridge:{hashlib.sha256(written.encode()).hexdigest()}"
