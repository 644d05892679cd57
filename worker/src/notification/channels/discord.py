"""The Discord channel: a webhook of a channel.

Source: discord.com/developers/docs, "Webhook Resource" (Execute Webhook: content of 2,000
characters, `allowed_mentions`), "Opcodes and Status Codes" (JSON error codes), "Rate Limits"
(`retry_after` in seconds) and "Message Formatting".
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from notification.channels.answer import judge_code, judge_status, provider_object, short, throttled
from notification.channels.channel import (
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
from notification.markup.content import read_message
from notification.markup.dialect import Dialect
from notification.markup.document import (
    BOLD,
    BROADCAST,
    CODE,
    FENCE,
    ITALIC,
    LINK,
    MENTION,
    QUOTE,
    SPOILER,
    STRIKE,
    UNDERLINE,
    Document,
    Marks,
    Span,
    draw,
    joined,
)
from notification.markup.splitting import cut_document, split_document, utf16_units
from notification.ports.outbound import OutboundAnswer, OutboundRequest

MAX_TEXT = 2_000
"""Characters of a message as it is written, counted in UTF-16 code units to be safe."""
MAX_SUBJECT = 256
MAX_USERNAME = 80
_HOSTS = ("discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com")
_PATH = "/api/webhooks/"
_THREAD = re.compile(r"[0-9]{1,20}")
_OUTCOMES = {
    10003: REJECTED,
    10015: REJECTED,
    20016: THROTTLED,
    20028: THROTTLED,
    20029: THROTTLED,
    40005: REJECTED,
    40062: THROTTLED,
    50006: REJECTED,
    50027: REJECTED,
    50035: REJECTED,
    50083: REJECTED,
    50109: REJECTED,
    220001: REJECTED,
    220003: REJECTED,
}
"""JSON error codes: unknown channel or webhook, slow mode and write limits, too large, limited
resource, empty message, wrong token, form or JSON, archived thread, and what forums refuse."""
_GONE = frozenset({10015, 50027})
"""The webhook was deleted, or its token is another one."""

DIALECT = Dialect(
    {
        "**": BOLD,
        "__": UNDERLINE,
        "*": ITALIC,
        "_": ITALIC,
        "~~": STRIKE,
        "||": SPOILER,
    },
    special=re.compile(
        r"(?P<broadcast>@(?:everyone|here))\b|<(?P<mention>@[!&]?[0-9]{1,20}|#[0-9]{1,20})>"
    ),
)
"""Discord's Markdown."""

_MARKS = {BOLD: "**", ITALIC: "*", UNDERLINE: "__", STRIKE: "~~", SPOILER: "||"}
_ADDRESS = re.compile(r"https?://[^\s<>()\[\]*~`|\\]++")
_SPECIAL = re.compile(r"[\\*_~`|<>\[\]()#@:-]")


class DiscordChannel:
    """Sends to a Discord webhook.

    Its configuration has `webhook_url`, `username`, `avatar_url`, `thread_id`, `split_long`,
    `allow_broadcast` and `timeout` (ms).
    """

    name = "discord"
    title = "Discord"
    endpoint_fields = ("webhook_url",)
    fields: Mapping[str, Mapping[str, Any]] = MappingProxyType(
        {
            "allow_broadcast": {"type": "boolean"},
            "avatar_url": {"type": "string"},
            "split_long": {"type": "boolean"},
            "thread_id": {"type": ["string", "integer"]},
            "username": {"type": "string", "maxLength": 80},
            "webhook_url": {"type": "string"},
        }
    )
    sample: Mapping[str, Any] = MappingProxyType(
        {"webhook_url": "https://discord.com/api/webhooks/1/preview"}
    )
    pace = Pace(2_000, 5)
    """Discord documents no number: 5 in 2 seconds for a webhook, and 30 a minute in the long run,
    are what its users report (birdie0.github.io/discord-webhooks-guide, "Rate Limits")."""
    part_size = 700
    has_plain = False

    def check_config(self, config: dict[str, Any], policy: EndpointPolicy) -> None:
        """Check the URL and the fields; see `Channel.check_config`."""
        self._checked(config, policy)

    def _checked(self, config: dict[str, Any], policy: EndpointPolicy) -> str:
        url = check_provider_url(config, self.name, policy, hosts=_HOSTS, path=_PATH)
        for field in ("username", "avatar_url"):
            if not isinstance(config.get(field, ""), str):
                raise ChannelRefusal("INVALID_CONFIG", f"{field} must be a string")
        if len(config.get("username") or "") > MAX_USERNAME:
            raise ChannelRefusal(
                "INVALID_CONFIG", f"username has at most {MAX_USERNAME} characters"
            )
        thread = config.get("thread_id")
        if thread is not None and _THREAD.fullmatch(str(thread)) is None:
            raise ChannelRefusal("INVALID_CONFIG", "thread_id must be the id of a thread")
        check_switch(config, "allow_broadcast")
        check_switch(config, "split_long")
        return url

    def compose(
        self, message: Message, config: dict[str, Any], *, policy: EndpointPolicy, now_ms: int
    ) -> list[OutboundRequest]:
        """Compose one call, or several if `split_long` is set; see `Channel.compose`."""
        url = self._checked(config, policy)
        query = (
            f"wait=true&thread_id={config['thread_id']}" if config.get("thread_id") else "wait=true"
        )
        heading, body = read_message(
            message.subject, message.content, message.content_type, DIALECT
        )
        heads = cut_document(heading, lambda d: len(d.text) <= MAX_SUBJECT, longest=MAX_SUBJECT)
        head = joined(heads.documents)
        whole = joined([head.styled(BOLD), body], "\n\n") if head.text else body
        broadcast = config.get("allow_broadcast") is True
        parts = split_document(
            whole,
            lambda part: utf16_units(discord_text(part, broadcast=broadcast)) <= MAX_TEXT,
            longest=MAX_TEXT,
            count=most_parts(config),
        )
        named = {name: config[name] for name in ("username", "avatar_url") if config.get(name)}
        return [
            OutboundRequest(
                "POST",
                f"{url}{'&' if '?' in url else '?'}{query}",
                {"Content-Type": "application/json"},
                compact_json(
                    {
                        "content": discord_text(part, broadcast=broadcast),
                        "allowed_mentions": _allowed(part, broadcast),
                        **named,
                    }
                ),
                timeout_of(config),
                parts.truncated or heads.truncated,
            )
            for part in parts.documents
        ]

    def judge(self, answer: OutboundAnswer, now_ms: int) -> Verdict:
        """Judge by Discord's code; without one by the status."""
        body, _ = provider_object(answer)
        refused = judge_status(answer, now_ms)
        if refused is None:
            return Verdict(DELIVERED, details=short({"id": body.get("id")} if body else {}))
        error = f"Discord API error: {str(body.get('message') or answer.status)[:500]}"
        wait = body.get("retry_after")
        if isinstance(wait, int | float) and not isinstance(wait, bool) and 0 <= wait < 1e6:
            return throttled(error, answer, now_ms, told_s=-int(-wait // 1))
        code = body.get("code")
        if isinstance(code, int) and not isinstance(code, bool) and code != 0:
            return judge_code(
                code,
                _OUTCOMES,
                gone=_GONE,
                error=error,
                name="DISCORD_ERROR",
                answer=answer,
                now_ms=now_ms,
            )
        return refused


def discord_text(document: Document, *, broadcast: bool = False) -> str:
    """Write a document in Discord's Markdown; `broadcast` lets `@everyone` mention everybody."""
    return draw(
        document,
        lambda document, span: _marking(document, span, broadcast),
        lambda text, verbatim: text if verbatim else _escape(text),
    )


def _escape(text: str) -> str:
    """Escape plain text; addresses stay whole, so that they are links."""
    written, at = [], 0
    for match in _ADDRESS.finditer(text):
        written += [_SPECIAL.sub(r"\\\g<0>", text[at : match.start()]), match[0]]
        at = match.end()
    return "".join([*written, _SPECIAL.sub(r"\\\g<0>", text[at:])])


def _marking(document: Document, span: Span, broadcast: bool) -> Marks | None:
    text = document.text[span.start : span.end]
    if span.kind == BROADCAST:
        return Marks(instead=span.value) if broadcast else None
    if span.kind == MENTION:
        return Marks(instead=f"<{span.value}>")
    if span.kind == LINK:
        address = span.value.replace("(", "%28").replace(")", "%29").replace("<", "%3C")
        return Marks("[", f"]({address})")
    if span.kind == FENCE:
        return None if "```" in text else Marks(f"```{span.value}\n", "\n```")
    if span.kind == CODE:
        return None if "`" in text or "\n" in text else Marks("`", "`")
    if span.kind == QUOTE:
        return Marks("> ", "", "> ")
    mark = _MARKS.get(span.kind)
    if mark is None or text[0].isspace() or text[-1].isspace():
        return None
    return Marks(mark, mark)


def _allowed(document: Document, broadcast: bool) -> dict[str, Any]:
    """Return who may be mentioned: whom the template itself names, and nobody else."""
    values = (span.value for span in document.spans if span.kind == MENTION)
    named = [value[1:] for value in values if value.startswith("@")]
    return {
        "parse": ["everyone"] if broadcast else [],
        "users": [n.removeprefix("!") for n in named if not n.startswith("&")][:100],
        "roles": [n[1:] for n in named if n.startswith("&")][:100],
    }
