"""The Google Chat channel: an incoming webhook of a space.

Source: developers.google.com/workspace/chat, "Build a Google Chat app as a webhook",
`spaces.messages.create` (a message of 32,000 bytes, `requestId`, `messageReplyOption`), "Format
messages" (`MARKUP_SYNTAX_MARKDOWN`: CommonMark with strikethrough and mentions) and "Usage limits";
codes: google.rpc.Code (cloud.google.com/apis/design/errors).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from notification.channels.answer import (
    judge_code,
    judge_status,
    provider_object,
    short,
    unconfirmed,
)
from notification.channels.channel import (
    BROKEN,
    DELIVERED,
    REJECTED,
    THROTTLED,
    Message,
    Pace,
    Verdict,
    check_switch,
    most_parts,
    timeout_of,
)
from notification.channels.endpoint import EndpointPolicy, check_provider_url
from notification.compact_json import compact_json
from notification.errors import ChannelRefusal
from notification.markup.commonmark import draw_commonmark
from notification.markup.content import read_message
from notification.markup.dialect import COMMON
from notification.markup.document import BOLD, MENTION, Document, Span, joined
from notification.markup.splitting import cut_document, split_document, utf16_units
from notification.ports.outbound import OutboundAnswer, OutboundRequest

MAX_TEXT = 4_096
"""Characters of a text as it is written, counted in UTF-16 code units to be safe. The limit isn't
documented; the answer to a longer text names it ("Message is longer than 4096 characters")."""
MAX_SUBJECT = 256
MAX_THREAD_KEY = 4_000
_QUOTA_S = 1
"""A refusal names no time to wait; the quota of a space is one of each second."""
_HOSTS = ("chat.googleapis.com",)
_PATH = "/v1/spaces/"
_OUTCOMES = {
    "INVALID_ARGUMENT": REJECTED,
    "FAILED_PRECONDITION": REJECTED,
    "OUT_OF_RANGE": REJECTED,
    "UNAUTHENTICATED": REJECTED,
    "PERMISSION_DENIED": REJECTED,
    "NOT_FOUND": REJECTED,
    "ALREADY_EXISTS": REJECTED,
    "UNIMPLEMENTED": REJECTED,
    "RESOURCE_EXHAUSTED": THROTTLED,
    "ABORTED": BROKEN,
    "CANCELLED": BROKEN,
    "DATA_LOSS": BROKEN,
    "DEADLINE_EXCEEDED": BROKEN,
    "INTERNAL": BROKEN,
    "UNAVAILABLE": BROKEN,
    "UNKNOWN": BROKEN,
}
_GONE = frozenset({"NOT_FOUND"})
"""The space or its webhook was deleted."""

DIALECT = COMMON._replace(
    special=re.compile(r"<users/(?:(?P<broadcast>all)|(?P<mention>[A-Za-z0-9_-]{1,64}))>")
)
"""CommonMark with Google Chat's mentions."""


class GooglechatChannel:
    """Sends to a webhook of a Google Chat space.

    Its configuration has `webhook_url`, `thread_key`, `split_long`, `allow_broadcast` and `timeout`
    (ms).
    """

    name = "googlechat"
    title = "Google Chat"
    endpoint_fields = ("webhook_url",)
    fields: Mapping[str, Mapping[str, Any]] = MappingProxyType(
        {
            "allow_broadcast": {"type": "boolean"},
            "split_long": {"type": "boolean"},
            "thread_key": {"type": "string", "maxLength": MAX_THREAD_KEY, "title": "Thread"},
            "webhook_url": {"type": "string"},
        }
    )
    sample: Mapping[str, Any] = MappingProxyType(
        {"webhook_url": "https://chat.googleapis.com/v1/spaces/preview/messages?key=k&token=t"}
    )
    pace = Pace(1_200)
    """One a second in a space, for all of its webhooks together ("Usage limits"), and a margin:
    calls come up to a tenth early."""
    part_size = 1_100
    has_plain = False

    def check_config(self, config: dict[str, Any], policy: EndpointPolicy) -> None:
        """Check the URL and the fields; see `Channel.check_config`."""
        self._checked(config, policy)

    def _checked(self, config: dict[str, Any], policy: EndpointPolicy) -> str:
        url = check_provider_url(config, self.name, policy, hosts=_HOSTS, path=_PATH)
        thread = config.get("thread_key", "")
        if not isinstance(thread, str) or len(thread) > MAX_THREAD_KEY:
            raise ChannelRefusal(
                "INVALID_CONFIG", f"thread_key must be a string of at most {MAX_THREAD_KEY}"
            )
        check_switch(config, "allow_broadcast")
        check_switch(config, "split_long")
        return url

    def compose(
        self, message: Message, config: dict[str, Any], *, policy: EndpointPolicy, now_ms: int
    ) -> list[OutboundRequest]:
        """Compose one call, or several if `split_long` is set; see `Channel.compose`.

        A repeated call has the same `requestId`, for which Google Chat creates no second message.
        """
        url = self._checked(config, policy)
        url += "&" if "?" in url else "?"
        common: dict[str, Any] = {"markupSyntax": "MARKUP_SYNTAX_MARKDOWN"}
        if config.get("thread_key"):
            url += "messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD&"
            common["thread"] = {"threadKey": config["thread_key"]}
        heading, body = read_message(
            message.subject, message.content, message.content_type, DIALECT
        )
        heads = cut_document(heading, lambda d: len(d.text) <= MAX_SUBJECT, longest=MAX_SUBJECT)
        head = joined(heads.documents)
        whole = joined([head.styled(BOLD), body], "\n\n") if head.text else body
        broadcast = config.get("allow_broadcast") is True
        parts = split_document(
            whole,
            lambda part: utf16_units(_written(part, broadcast)) <= MAX_TEXT,
            longest=MAX_TEXT,
            count=most_parts(config),
        )
        return [
            OutboundRequest(
                "POST",
                f"{url}requestId={quote(f'{message.message_id}-{number}', safe='')}",
                {"Content-Type": "application/json; charset=UTF-8"},
                compact_json({"text": _written(part, broadcast), **common}),
                timeout_of(config),
                parts.truncated or heads.truncated,
            )
            for number, part in enumerate(parts.documents, 1)
        ]

    def judge(self, answer: OutboundAnswer, now_ms: int) -> Verdict:
        """Judge by the error's `status`; without one by the status of HTTP."""
        body, readable = provider_object(answer)
        refused = judge_status(answer, now_ms)
        error = body.get("error")
        named = error.get("status") if isinstance(error, dict) else None
        if isinstance(error, dict) and isinstance(named, str) and named:
            return judge_code(
                named,
                _OUTCOMES,
                gone=_GONE,
                error=f"Google Chat API error: {str(error.get('message') or named)[:500]}",
                name="GOOGLECHAT_ERROR",
                answer=answer,
                now_ms=now_ms,
                told_s=_QUOTA_S,
            )
        if refused is not None:
            return refused
        if not (readable and answer.is_whole):
            return unconfirmed()
        return Verdict(DELIVERED, details=short({"name": body.get("name")} if body else {}))


def _written(document: Document, broadcast: bool) -> str:
    def mention(span: Span) -> str:
        return f"<users/{span.value}>" if span.kind == MENTION or broadcast else ""

    return draw_commonmark(document, mention)
