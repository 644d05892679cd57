"""What a caller asks for, validated."""

import json
import re
from collections.abc import Collection
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from notification.compact_json import compact_json
from notification.errors import ServiceError
from notification.identity import check_key, recipient_id
from notification.markup.plain_text import is_blank
from notification.timestamps import DAY_MS, iso

_TEMPLATE_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}")
SEND_FIELDS = frozenset(
    (
        *("user_id", "channels", "template_key", "variables", "custom_content"),
        *("idempotency_key", "metadata", "send_at", "urgent"),
    )
)
"""The fields of a send that are read."""
CUSTOM_FIELDS = frozenset(("content", "subject"))
"""Those of its `custom_content`."""
MAX_CONTENT = 100_000
MAX_SUBJECT = 1_000
MAX_CHANNELS = 10
MAX_AHEAD_MS = 7 * DAY_MS
MAX_LATE_MS = 60_000
"""How late a planned time may come in: clocks differ."""


class SendCommand(NamedTuple):
    """One notification to one recipient over one or several channels.

    Attributes:
        channels: distinct, in the caller's order.
        identity: what makes two requests the same, if it is not their content: a sender's
            repetition of a message may be worded differently.
        content_type: how `subject` and `content` are written: text, or markdown for the service's
            own messages.
        hops: how many services have forwarded it already.
        send_at: when it is planned for, as ISO text.
        urgent: whether it goes out in quiet hours, too.
        after: each fallback channel, with the channel that has to fail before it is used.
    """

    user_id: str
    channels: tuple[str, ...]
    template_key: str | None
    variables: dict[str, Any] | None
    content: str | None
    subject: str | None
    idempotency_key: str | None
    metadata: dict[str, Any] | None
    identity: str | None = None
    hops: int = 0
    send_at: str | None = None
    urgent: bool = False
    after: tuple[tuple[str, str], ...] = ()
    content_type: str = "text"

    def request_hash(self) -> str:
        """Return the SHA-256 of what makes two requests the same; metadata doesn't count."""
        if self.identity is not None:
            return sha256(self.identity.encode()).hexdigest()
        custom = None
        if self.content is not None:
            custom = {"content": self.content}
            if self.subject is not None:
                custom["subject"] = self.subject
        identity: dict[str, Any] = {
            "user_id": self.user_id,
            "channels": sorted(self.channels),
            "template_key": self.template_key,
            "variables": self.variables,
            "custom_content": custom,
        }
        if self.send_at is not None:
            identity["send_at"] = self.send_at
        if self.after:
            identity["after"] = sorted(self.after)
        text = json.dumps(identity, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()


def parse_send(
    body: dict[str, Any],
    *,
    known_channels: Collection[str],
    header_key: str | None,
    now_ms: int,
) -> SendCommand:
    """Parse a request's body.

    Args:
        body: the body.
        known_channels: the names of all channels.
        header_key: the `Idempotency-Key` header, used if the body has no key.
        now_ms: the time.

    Raises:
        ServiceError: the first mistake.
    """
    user_id = recipient_id(body.get("user_id"))
    channels, after = _channels(body.get("channels"), known_channels)
    template_key = _template_key(body.get("template_key"))
    variables = _object(body.get("variables"), "INVALID_VARIABLES", "variables", 65_536)
    if variables is not None and len(variables) > 100:
        raise ServiceError("INVALID_VARIABLES", "variables must not have more than 100 keys")
    content, subject = _custom_content(body.get("custom_content"))
    key = _idempotency_key(body.get("idempotency_key"), header_key)
    metadata = _object(body.get("metadata"), "INVALID_METADATA", "metadata", 4_096)
    if template_key is None and content is None:
        raise ServiceError(
            "MISSING_CONTENT", "Either template_key or custom_content must be provided"
        )
    return SendCommand(
        user_id,
        channels,
        template_key,
        variables,
        content,
        subject,
        key,
        metadata,
        send_at=_send_at(body.get("send_at"), now_ms, keyed=key is not None),
        urgent=_urgent(body.get("urgent", False)),
        after=after,
    )


def _send_at(value: Any, now_ms: int, *, keyed: bool) -> str | None:
    """Return a planned time as ISO text.

    A time that has just passed means now; under a key an older one may be a repetition.
    """
    if value is None:
        return None
    try:
        if not isinstance(value, str) or len(value) > 40:
            raise ValueError
        planned = datetime.fromisoformat(value)
        if planned.tzinfo is None:
            raise ValueError
        ahead_ms = round(planned.timestamp() * 1000) - now_ms
    except (ValueError, OverflowError):
        ahead_ms = MAX_AHEAD_MS + 1
    late_ms = MAX_AHEAD_MS if keyed else MAX_LATE_MS
    if not -late_ms <= ahead_ms <= MAX_AHEAD_MS:
        raise ServiceError(
            "INVALID_REQUEST",
            "send_at must be an ISO 8601 time with its zone, in the future, at most 7 days ahead",
        )
    return iso(now_ms + ahead_ms)


def _urgent(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ServiceError("INVALID_REQUEST", "urgent must be true or false")
    return value


def _channels(
    value: Any, known: Collection[str]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the distinct channels, and the fallbacks among them.

    A list inside the list is an order of fallbacks: each is used only if the one before it fails.
    """
    if not isinstance(value, list) or not value:
        raise ServiceError("INVALID_CHANNELS", "channels is required and must be a non-empty array")
    groups = [each if isinstance(each, list) else [each] for each in value]
    listed = [channel for group in groups for channel in group]
    for channel in listed:
        if not isinstance(channel, str) or channel not in known:
            raise ServiceError(
                "INVALID_CHANNEL_TYPE",
                f"Invalid channel: {str(channel)[:100]}. Valid channels are: {', '.join(known)}",
            )
    distinct = tuple(dict.fromkeys(listed))
    after = tuple(pair for group in groups for pair in zip(group[1:], group, strict=False))
    if not all(groups) or (after and len(distinct) < len(listed)):
        raise ServiceError(
            "INVALID_CHANNELS", "an order of fallbacks must name channels, and each of them once"
        )
    if len(distinct) > MAX_CHANNELS:
        raise ServiceError("INVALID_CHANNELS", f"channels must not exceed {MAX_CHANNELS}")
    return distinct, after


def is_template_key(text: str) -> bool:
    """Return whether a template can have this key."""
    return _TEMPLATE_KEY.fullmatch(text) is not None


def _template_key(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ServiceError("INVALID_TEMPLATE_KEY", "template_key must be a string")
    if not is_template_key(value):
        raise ServiceError(
            "INVALID_TEMPLATE_KEY",
            "template_key must be 1 to 100 letters, digits, underscores or hyphens",
        )
    return value


def _object(value: Any, code: str, name: str, max_bytes: int) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ServiceError(code, f"{name} must be an object")
    size = len(compact_json(value).encode())
    if size > max_bytes:
        raise ServiceError(code, f"{name} must not exceed {max_bytes} bytes of JSON")
    return value


def _custom_content(value: Any) -> tuple[str | None, str | None]:
    if value is None:
        return None, None
    if not isinstance(value, dict):
        raise ServiceError("INVALID_CUSTOM_CONTENT", "custom_content must be an object")
    content, subject = value.get("content"), value.get("subject")
    if not isinstance(content, str) or not content:
        raise ServiceError(
            "INVALID_CONTENT", "custom_content.content is required and must be a string"
        )
    if len(content) > MAX_CONTENT:
        raise ServiceError(
            "INVALID_CONTENT", f"custom_content.content must not exceed {MAX_CONTENT} characters"
        )
    if is_blank(content):
        raise ServiceError(
            "INVALID_CONTENT", "custom_content.content must have a character that can be seen"
        )
    if subject is not None and not isinstance(subject, str):
        raise ServiceError("INVALID_SUBJECT", "custom_content.subject must be a string")
    if subject is not None and len(subject) > MAX_SUBJECT:
        raise ServiceError(
            "INVALID_SUBJECT", f"custom_content.subject must not exceed {MAX_SUBJECT} characters"
        )
    return content, subject


def _idempotency_key(value: Any, header: str | None) -> str | None:
    if value is None:
        return None if header is None else check_key(header, "Idempotency-Key")
    if not isinstance(value, str):
        raise ServiceError("INVALID_IDEMPOTENCY_KEY", "idempotency_key must be a string")
    return check_key(value, "idempotency_key")
