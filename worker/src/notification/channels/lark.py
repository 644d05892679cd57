"""The Lark (Feishu) channel: a custom bot's webhook.

Source: open.larksuite.com, "Use bots in groups" (message types, signature, error codes).
"""

import base64
import hmac
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

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
    timeout_of,
)
from notification.channels.endpoint import EndpointPolicy, check_provider_url
from notification.compact_json import compact_json
from notification.errors import ChannelRefusal
from notification.foreign_json import ForeignJsonError, parse_foreign_json
from notification.markup.content import read_message
from notification.markup.document import BOLD, Document, joined
from notification.markup.lark import DIALECT, lark_markdown, lark_post, reads_mention
from notification.markup.plain_text import clean
from notification.markup.splitting import cut_document
from notification.ports.outbound import OutboundAnswer, OutboundRequest

MAX_CONTENT = 10_000
MAX_SUBJECT = 200
MAX_BODY = 20_000
"""Bytes of a request's body ("Use bots in groups": 20 KB)."""
_HOSTS = ("open.feishu.cn", "open.larksuite.com")
_PATH = "/open-apis/bot/v2/hook/"
_OUTCOMES = {
    9408: REJECTED,
    11232: THROTTLED,
    19001: REJECTED,
    19002: REJECTED,
    19021: REJECTED,
    19022: REJECTED,
    19024: REJECTED,
    99991400: THROTTLED,
}
"""Codes of "Use bots in groups" (wrong hook, body, signature or time, address, keyword) and of
"Generic error codes" (11232 and 99991400: too frequent). 9408 is not documented: it was seen for a
malformed body."""
_GONE = frozenset({19001})
"""The hook's token is invalid: the bot was removed ("Use bots in groups")."""
_UNPARSED = frozenset({9408, 11246, 19002})
"""The form of the message was refused: 19002 (bad parameters), and 11246 and 9408 for a card's
markup that Lark can't read ("Send messages with cards", errors; 9408 was seen)."""
_AMBIGUOUS = 9499
"""Both "Bad Request" and "too many request": its text tells which."""
_SECONDS = re.compile(r"([0-9]{1,9})(\.[0-9]+)?")
_FREQUENCY = re.compile(r"too many request|frequen|rate limit", re.IGNORECASE)


def sign(secret: str, timestamp: str) -> str:
    """Return the base64 HMAC-SHA256 of the empty text under `timestamp`, newline, `secret`.

    `timestamp` is the Unix time in seconds.
    """
    key = f"{timestamp}\n{secret}".encode()
    return base64.b64encode(hmac.digest(key, b"", "sha256")).decode()


class LarkChannel:
    """Sends to a Lark custom bot.

    Its configuration has `webhook_url`, `secret`, `msg_type` (text, interactive or markdown),
    `allow_broadcast` and `timeout` (ms).
    """

    name = "lark"
    title = "Lark"
    endpoint_fields = ("webhook_url",)
    fields: Mapping[str, Mapping[str, Any]] = MappingProxyType(
        {
            "allow_broadcast": {"type": "boolean"},
            "msg_type": {"enum": ["text", "interactive", "markdown"]},
            "secret": {"type": "string"},
            "webhook_url": {"type": "string"},
        }
    )
    sample: Mapping[str, Any] = MappingProxyType(
        {"webhook_url": "https://open.larksuite.com/open-apis/bot/v2/hook/preview"}
    )
    pace = Pace(600)
    """100 a minute and 5 a second (open.larksuite.com, "Use bots in groups"): the first of them is
    the slower one in the long run."""
    part_size = 0
    has_plain = True

    def check_config(self, config: dict[str, Any], policy: EndpointPolicy) -> None:
        """Check the URL and the type of the secret; see `Channel.check_config`."""
        check_provider_url(config, self.name, policy, hosts=_HOSTS, path=_PATH)
        if not isinstance(config.get("secret", ""), str):
            raise ChannelRefusal("INVALID_CONFIG", "secret must be a string")
        check_switch(config, "allow_broadcast")

    def compose(
        self, message: Message, config: dict[str, Any], *, policy: EndpointPolicy, now_ms: int
    ) -> list[OutboundRequest]:
        """Compose one call, freshly signed on each retry; see `Channel.compose`."""
        url = check_provider_url(config, self.name, policy, hosts=_HOSTS, path=_PATH)
        stamp = {}
        if config.get("secret"):
            timestamp = str(now_ms // 1000)
            stamp = {"timestamp": timestamp, "sign": sign(config["secret"], timestamp)}
        body, plain, truncated = _body(message, config, stamp)
        headers = {"Content-Type": "application/json"}
        request = OutboundRequest("POST", url, headers, body, timeout_of(config), truncated)
        if plain is None or plain == body:
            return [request]
        return [request._replace(plain=request._replace(body=plain))]

    def judge(self, answer: OutboundAnswer, now_ms: int) -> Verdict:
        """Judge by `code` in the answer, whatever the status is; without one by the status."""
        body, readable = provider_object(answer)
        refused = judge_status(answer, now_ms)
        code = body.get("code")
        if isinstance(code, int) and not isinstance(code, bool):
            text = str(body.get("msg") or code)
            if code == 0 and refused is None:
                return Verdict(DELIVERED, details=short(body.get("data") or {"success": True}))
            if code != 0:
                meaning = THROTTLED if _FREQUENCY.search(text[:500]) else REJECTED
                verdict = judge_code(
                    code,
                    {**_OUTCOMES, _AMBIGUOUS: meaning},
                    gone=_GONE,
                    error=f"Lark API error: {text[:500]}",
                    name="LARK_ERROR",
                    answer=answer,
                    now_ms=now_ms,
                    told_s=_reset_s(answer),
                )
                malformed = code == _AMBIGUOUS and meaning == REJECTED
                return verdict._replace(unparsed=code in _UNPARSED or malformed)
        if refused is not None:
            return refused
        if not readable:
            return unconfirmed()
        text = str(body.get("msg") or "the answer is not Lark's")
        return Verdict(BROKEN, f"Lark API error: {text[:500]}", "LARK_ERROR")


def _reset_s(answer: OutboundAnswer) -> int:
    """Return the seconds until Lark takes calls again (`x-ogw-ratelimit-reset`); 0 if untold.

    Source: open.larksuite.com, "Frequency control".
    """
    match = _SECONDS.fullmatch(answer.headers.get("x-ogw-ratelimit-reset", "").strip())
    return 0 if match is None else int(match[1]) + (match[2] is not None)


def _body(
    message: Message, config: dict[str, Any], stamp: dict[str, str]
) -> tuple[str, str | None, bool]:
    """Return the message in Lark's form, the same without markup, and whether it was shortened.

    A message that the template itself wrote in Lark's form has no other form.
    """
    if message.content_type == "json":
        whole = _whole_message(clean(message.content))
        if whole is not None:
            body = compact_json({**whole, **stamp})
            if len(body.encode()) > MAX_BODY:
                raise ChannelRefusal(
                    "INVALID_CONTENT",
                    f"The message has {len(body.encode())} bytes; Lark takes {MAX_BODY}",
                )
            return body, None, False
    heading, content = read_message(message.subject, message.content, message.content_type, DIALECT)
    write = _writer(message.content_type, config)
    [subject] = cut_document(
        heading, lambda part: len(part.text) <= MAX_SUBJECT, longest=MAX_SUBJECT
    ).documents

    def written(part: Document) -> str:
        return compact_json({**write(subject, part), **stamp})

    def plain(part: Document) -> str:
        bare = _text(Document(subject.flattened()), Document(part.flattened()), broadcast=False)
        return compact_json({**bare, **stamp})

    fitting = cut_document(
        content,
        lambda part: max(len(written(part).encode()), len(plain(part).encode())) <= MAX_BODY,
        longest=MAX_CONTENT,
    )
    truncated = fitting.truncated or subject.text != heading.text
    fits = joined(fitting.documents)
    return written(fits), plain(fits), truncated


def _whole_message(content: str) -> dict[str, Any] | None:
    """Return a JSON content that is already a message in Lark's form."""
    try:
        parsed = parse_foreign_json(content)
    except ForeignJsonError:
        return None
    return parsed if isinstance(parsed, dict) and "msg_type" in parsed else None


_Writer = Callable[[Document, Document], dict[str, Any]]


def _writer(content_type: str, config: dict[str, Any]) -> _Writer:
    """Return what makes a message of subject and content."""
    broadcast = config.get("allow_broadcast") is True
    msg_type, marked = config.get("msg_type"), content_type in ("markdown", "html")
    if msg_type == "interactive":
        return lambda subject, content: _card(subject, content, marked, broadcast)
    if msg_type == "markdown" or (msg_type is None and marked):
        return lambda subject, content: _markdown_card(subject, content, broadcast)
    return lambda subject, content: _text(subject, content, broadcast=broadcast)


def _text(subject: Document, content: Document, *, broadcast: bool) -> dict[str, Any]:
    if not (reads_mention(subject) or reads_mention(content)):
        parts = [part.flattened() for part in (subject, content) if part.text]
        return {"msg_type": "text", "content": {"text": "\n\n".join(parts)}}
    post = {"title": subject.flattened(), "content": lark_post(content, broadcast=broadcast)}
    return {"msg_type": "post", "content": {"post": {"zh_cn": post}}}


def _card(subject: Document, content: Document, marked: bool, broadcast: bool) -> dict[str, Any]:
    card: dict[str, Any] = {}
    if subject.text:
        card["header"] = {"title": {"tag": "plain_text", "content": subject.flattened()}}
    element: dict[str, Any]
    if marked:
        element = {"tag": "markdown", "content": lark_markdown(content, broadcast=broadcast)}
    else:
        element = {"tag": "div", "text": {"tag": "plain_text", "content": content.text}}
    card["elements"] = [element]
    return {"msg_type": "interactive", "card": card}


def _markdown_card(subject: Document, content: Document, broadcast: bool) -> dict[str, Any]:
    parts = [subject.styled(BOLD), content] if subject.text else [content]
    whole = lark_markdown(joined(parts, "\n\n"), broadcast=broadcast)
    return {
        "msg_type": "interactive",
        "card": {"elements": [{"tag": "markdown", "content": whole}]},
    }
