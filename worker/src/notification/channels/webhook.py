"""The webhook channel: an HTTP call to the recipient's own endpoint."""

import hmac
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from notification.channels.answer import judge_status, parsed_details
from notification.channels.channel import (
    DEFAULT_PACE,
    DELIVERED,
    HOPS,
    Message,
    Verdict,
    check_timeout,
    timeout_of,
)
from notification.channels.endpoint import EndpointPolicy, check_url_field
from notification.channels.standard_webhooks import SCHEME, signing_keys, standard_headers
from notification.compact_json import compact_json
from notification.errors import ChannelRefusal
from notification.markup.plain_text import clean, cut, is_blank
from notification.ports.outbound import MAX_HOPS, OutboundAnswer, OutboundRequest
from notification.timestamps import iso

_METHODS = ("POST", "PUT", "PATCH")
_MODES = ("envelope", "raw")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Headers of the connection, of the service, and of Standard Webhooks.
_RESERVED = frozenset(
    (
        *("host", "content-length", "content-type", "connection", "transfer-encoding", "upgrade"),
        *("webhook-id", "webhook-timestamp", "webhook-signature"),
    )
)
_RESERVED_PREFIX = "x-notification-"
MAX_CONTENT = 100_000
MAX_SUBJECT = 1_000


def sign_body(secret: str, timestamp: str, body: str) -> str:
    """Return `sha256=` and the hex HMAC-SHA256 of the Unix time in seconds and the body."""
    digest = hmac.digest(secret.encode(), (timestamp + body).encode(), "sha256")
    return f"sha256={digest.hex()}"


class WebhookChannel:
    """Calls an endpoint of the recipient's own.

    Its configuration has `webhook_url`, `headers`, `method`, `secret`, `timeout` (ms),
    `payload_mode` and `signing` (`standard-webhooks`) with `signing_secret`.
    """

    name = "webhook"
    title = "Webhook"
    endpoint_fields = ("webhook_url",)
    fields: Mapping[str, Mapping[str, Any]] = MappingProxyType(
        {
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "method": {"enum": ["POST", "PUT", "PATCH"]},
            "payload_mode": {"enum": ["envelope", "raw"]},
            "secret": {"type": "string"},
            "signing": {"const": "standard-webhooks"},
            "signing_secret": {"type": ["string", "array"], "items": {"type": "string"}},
            "webhook_url": {"type": "string"},
        }
    )
    sample: Mapping[str, Any] = MappingProxyType({"webhook_url": "https://example.com/hook"})
    pace = DEFAULT_PACE
    part_size = 0
    has_plain = False

    def check_config(self, config: dict[str, Any], policy: EndpointPolicy) -> None:
        """Check every field; see `Channel.check_config`."""
        check_url_field(config, self.name, policy)
        headers = config.get("headers")
        if headers is not None and not (
            isinstance(headers, dict)
            and all(_HEADER_NAME.fullmatch(n) and _sendable(v) for n, v in headers.items())
        ):
            raise ChannelRefusal("INVALID_CONFIG", "headers must be an object of strings")
        if config.get("method", "POST") not in _METHODS:
            raise ChannelRefusal("INVALID_CONFIG", "method must be POST, PUT or PATCH")
        if config.get("payload_mode", "envelope") not in _MODES:
            raise ChannelRefusal("INVALID_CONFIG", "payload_mode must be envelope or raw")
        if config.get("signing") == SCHEME:
            signing_keys(config)
        elif config.get("signing") is not None:
            raise ChannelRefusal("INVALID_CONFIG", f"signing must be {SCHEME}")
        if not isinstance(config.get("secret", ""), str):
            raise ChannelRefusal("INVALID_CONFIG", "secret must be a string")
        check_timeout(config)

    def compose(
        self, message: Message, config: dict[str, Any], *, policy: EndpointPolicy, now_ms: int
    ) -> list[OutboundRequest]:
        """Compose one call; a retry has a new signature and the same message id."""
        self.check_config(config, policy)
        body, truncated = _body(message, config, now_ms)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Notification-System/1.0",
            "X-Notification-Event": "notification.sent",
            "X-Notification-MessageId": message.message_id,
            "X-Notification-Hops": str(_hops(config) + 1),
        }
        if config.get("secret"):
            timestamp = str(now_ms // 1000)
            headers["X-Notification-Timestamp"] = timestamp
            headers["X-Notification-Signature"] = sign_body(config["secret"], timestamp, body)
        if config.get("signing") == SCHEME:
            keys = signing_keys(config)
            headers |= standard_headers(message.message_id, now_ms // 1000, body, keys)
        custom = _custom_headers(config)
        if custom:
            # Two names that differ only in case would be sent as one header with both values.
            replaced = {name.lower() for name in custom}
            headers = {name: text for name, text in headers.items() if name.lower() not in replaced}
        return [
            OutboundRequest(
                config.get("method", "POST"),
                check_url_field(config, self.name, policy).url,
                headers | custom,
                body,
                timeout_of(config),
                truncated,
            )
        ]

    def judge(self, answer: OutboundAnswer, now_ms: int) -> Verdict:
        """Accept any 2xx."""
        refused = judge_status(answer, now_ms)
        return refused or Verdict(DELIVERED, details=parsed_details(answer))


def _hops(config: dict[str, Any]) -> int:
    value = config.get(HOPS)
    return value if isinstance(value, int) and 0 <= value <= MAX_HOPS else 0


def _sendable(value: Any) -> bool:
    """Return whether an HTTP field can carry the text once control characters are removed."""
    return isinstance(value, str) and all(ord(character) < 256 for character in value)


def _custom_headers(config: dict[str, Any]) -> dict[str, str]:
    """Return the recipient's headers, without those of the service or the connection."""
    headers: dict[str, tuple[str, str]] = {}
    for name, value in (config.get("headers") or {}).items():
        text = _CONTROL.sub("", value).strip()
        folded = name.lower()
        if text and folded not in _RESERVED and not folded.startswith(_RESERVED_PREFIX):
            headers[folded] = (name, text)
    return dict(headers.values())


def _body(message: Message, config: dict[str, Any], now_ms: int) -> tuple[str, bool]:
    """Return the body, and whether the message was shortened."""
    content, truncated = cut(clean(message.content), MAX_CONTENT)
    if is_blank(content):
        raise ChannelRefusal("INVALID_CONTENT", "The content is blank")
    if message.content_type == "json" and config.get("payload_mode") == "raw":
        return content, truncated
    metadata = {
        "channel": "webhook",
        "version": "1.0",
        "message_id": message.message_id,
        "content_type": message.content_type,
    }
    if message.template_key is not None:
        metadata["template_key"] = message.template_key
    payload: dict[str, Any] = {"content": content}
    if message.subject:
        payload["subject"], shortened = cut(clean(message.subject), MAX_SUBJECT)
        truncated = truncated or shortened
    payload["timestamp"] = iso(now_ms)
    payload["metadata"] = metadata
    return compact_json(payload), truncated
