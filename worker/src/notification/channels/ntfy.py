"""The ntfy channel: push notifications of a topic, on ntfy.sh or a server of one's own.

Source: docs.ntfy.sh, "Publishing" (publish as JSON; a message of 4,096 bytes; priorities 1 to 5),
and the server's `errors.go` (codes, whose first three digits are the status). Phones show plain
text, so a message has no markup.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from notification.channels.answer import (
    judge_status,
    parsed_details,
    provider_object,
    short,
    throttled,
)
from notification.channels.channel import (
    BROKEN,
    DELIVERED,
    REJECTED,
    Message,
    Pace,
    Verdict,
    check_switch,
    most_parts,
    timeout_of,
)
from notification.channels.endpoint import (
    BlockedEndpoint,
    EndpointPolicy,
    MalformedUrl,
    check_endpoint,
)
from notification.compact_json import compact_json
from notification.errors import ChannelRefusal
from notification.markup.content import read_message
from notification.markup.document import Document
from notification.markup.plain_text import cut
from notification.markup.splitting import split_document
from notification.ports.outbound import OutboundAnswer, OutboundRequest

MAX_TEXT = 4_096
"""Bytes of a message; the server makes an attachment of a longer one ("Limitations")."""
MAX_TITLE = 250
_SERVER = "https://ntfy.sh"
_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")


class NtfyChannel:
    """Publishes to a topic.

    Its configuration has `topic`, `server` (default ntfy.sh), `token`, `priority` (1 to 5), `tags`,
    `click`, `split_long` and `timeout` (ms).
    """

    name = "ntfy"
    title = "ntfy"
    endpoint_fields = ("server", "topic")
    fields: Mapping[str, Mapping[str, Any]] = MappingProxyType(
        {
            "click": {"type": "string"},
            "priority": {"type": "integer", "minimum": 1, "maximum": 5},
            "server": {"type": "string"},
            "split_long": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "token": {"type": "string"},
            "topic": {"type": "string", "pattern": "^[-_A-Za-z0-9]{1,64}$"},
        }
    )
    sample: Mapping[str, Any] = MappingProxyType({"topic": "preview"})
    pace = Pace(5_000, 60)
    """60 at once, then one in 5 seconds (docs.ntfy.sh, "Limitations")."""
    part_size = 1_000
    has_plain = False

    def check_config(self, config: dict[str, Any], policy: EndpointPolicy) -> None:
        """Check server, topic and the other fields; see `Channel.check_config`."""
        self._url(config, policy)
        topic = config.get("topic")
        if not isinstance(topic, str) or _TOPIC.fullmatch(topic) is None:
            raise ChannelRefusal(
                "INVALID_CONFIG", "topic must be 1 to 64 letters, digits, _ or - for ntfy channel"
            )
        for field in ("token", "click"):
            if not isinstance(config.get(field, ""), str):
                raise ChannelRefusal("INVALID_CONFIG", f"{field} must be a string")
        token = config.get("token") or ""
        if not (token.isascii() and token.isprintable()):
            raise ChannelRefusal("INVALID_CONFIG", "token must be printable ASCII")
        priority = config.get("priority", 3)
        if type(priority) is not int or not 1 <= priority <= 5:
            raise ChannelRefusal("INVALID_CONFIG", "priority must be 1 to 5")
        tags = config.get("tags", [])
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise ChannelRefusal("INVALID_CONFIG", "tags must be a list of strings")
        check_switch(config, "split_long")

    def _url(self, config: dict[str, Any], policy: EndpointPolicy) -> str:
        try:
            server = config.get("server") or _SERVER
            if not isinstance(server, str):
                raise MalformedUrl
            return check_endpoint(server.strip(), policy).url
        except MalformedUrl:
            raise ChannelRefusal(
                "INVALID_WEBHOOK_URL", "server must be a valid HTTP(S) URL"
            ) from None
        except BlockedEndpoint as blocked:
            raise ChannelRefusal("SSRF_BLOCKED", f"server is blocked: {blocked}") from None

    def compose(
        self, message: Message, config: dict[str, Any], *, policy: EndpointPolicy, now_ms: int
    ) -> list[OutboundRequest]:
        """Compose one call, or several if `split_long` is set; see `Channel.compose`."""
        self.check_config(config, policy)
        heading, body = read_message(message.subject, message.content, message.content_type)
        title = cut(heading.flattened().replace("\n", " "), MAX_TITLE)
        parts = split_document(
            Document(body.flattened()),
            lambda part: len(part.text.encode()) <= MAX_TEXT,
            longest=MAX_TEXT,
            count=most_parts(config),
        )
        common: dict[str, Any] = {"topic": config["topic"]}
        if title.text:
            common["title"] = title.text
        for name in ("priority", "tags", "click"):
            if config.get(name):
                common[name] = config[name]
        headers = {"Content-Type": "application/json"}
        if config.get("token"):
            headers["Authorization"] = f"Bearer {config['token']}"
        return [
            OutboundRequest(
                "POST",
                self._url(config, policy),
                headers,
                compact_json({**common, "message": part.text}),
                timeout_of(config),
                parts.truncated or title.truncated,
            )
            for part in parts.documents
        ]

    def judge(self, answer: OutboundAnswer, now_ms: int) -> Verdict:
        """Judge by ntfy's code, whose first digits are the status; without one by the status."""
        refused = judge_status(answer, now_ms)
        if refused is None:
            details = parsed_details(answer)
            return Verdict(DELIVERED, details=short(details if isinstance(details, dict) else {}))
        body, _ = provider_object(answer)
        code = body.get("code")
        if not isinstance(code, int) or isinstance(code, bool) or not 40_000 <= code < 60_000:
            return refused
        error = f"ntfy error: {str(body.get('error') or code)[:500]}"
        if code // 100 == 429:
            return throttled(error, answer, now_ms)
        return Verdict(REJECTED if code < 50_000 else BROKEN, error, "NTFY_ERROR")
