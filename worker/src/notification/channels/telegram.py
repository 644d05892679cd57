"""The Telegram channel: a bot's `sendMessage` (core.telegram.org/bots/api#sendmessage)."""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeGuard
from urllib.parse import quote

from notification.channels.answer import (
    judge_code,
    judge_status,
    provider_object,
    short,
    throttled,
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
    timeout_of,
)
from notification.channels.endpoint import EndpointPolicy
from notification.errors import ChannelRefusal
from notification.markup.escaping import HTML, MARKDOWN, MARKDOWN_V2
from notification.markup.telegram import telegram_texts
from notification.ports.outbound import OutboundAnswer, OutboundRequest

_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]{20,}")
_OUTCOMES = {
    400: REJECTED,
    401: REJECTED,
    403: REJECTED,
    404: REJECTED,
    413: REJECTED,
    429: THROTTLED,
}
"""`error_code` (core.telegram.org/bots/api#making-requests: its values follow HTTP's)."""
_UNPARSED = "can't parse entities"
"""What Telegram says of markup that it can't read (telegram-bot-api, `Client.cpp`)."""
_GONE = (
    "bot was blocked by the user",
    "user is deactivated",
    "bot was kicked from",
    "bot is not a member of",
    "chat was deleted",
)
"""What Telegram says of a chat that the bot can't reach any more, with code 403 (as above)."""
_MODES = (MARKDOWN_V2, MARKDOWN, HTML)


class TelegramChannel:
    """Sends as a Telegram bot.

    Its configuration has `bot_token`, `chat_id`, `parse_mode`, `disable_web_page_preview`,
    `disable_notification`, `message_thread_id` (a topic), `split_long` and `timeout` (ms).
    """

    name = "telegram"
    title = "Telegram"
    endpoint_fields = ("bot_token", "chat_id")
    fields: Mapping[str, Mapping[str, Any]] = MappingProxyType(
        {
            "bot_token": {"type": "string"},
            "chat_id": {"type": ["string", "integer"]},
            "disable_notification": {"type": "boolean"},
            "disable_web_page_preview": {"type": "boolean"},
            "message_thread_id": {"type": "integer", "minimum": 1},
            "parse_mode": {"enum": ["MarkdownV2", "Markdown", "HTML"]},
            "split_long": {"type": "boolean"},
        }
    )
    sample: Mapping[str, Any] = MappingProxyType(
        {"bot_token": "0:preview-preview-preview", "chat_id": "0"}
    )
    pace = Pace(1_000)
    """A message a second in a chat (core.telegram.org/bots/faq, "My bot is hitting limits")."""
    part_size = 1_800
    has_plain = True

    def check_config(self, config: dict[str, Any], policy: EndpointPolicy) -> None:
        """Check token, chat and parse mode; see `Channel.check_config`.

        Production refuses tokens that don't look like Telegram's; tests use made-up ones.
        """
        token, chat = config.get("bot_token"), config.get("chat_id")
        if not isinstance(token, str) or not token:
            raise ChannelRefusal("MISSING_BOT_TOKEN", "bot_token is required for telegram channel")
        if policy.strict_tokens and _TOKEN.fullmatch(token) is None:
            raise ChannelRefusal("INVALID_CONFIG", "bot_token is not a Telegram bot token")
        if isinstance(chat, bool) or not isinstance(chat, str | int) or chat == "":
            raise ChannelRefusal("MISSING_CHAT_ID", "chat_id is required for telegram channel")
        if config.get("parse_mode", MARKDOWN_V2) not in _MODES:
            raise ChannelRefusal(
                "INVALID_PARSE_MODE", f"parse_mode must be one of: {', '.join(_MODES)}"
            )

        topic = config.get("message_thread_id")
        if topic is not None and not (_is_whole(topic) and topic > 0):
            raise ChannelRefusal("INVALID_CONFIG", "message_thread_id must be a positive integer")

    def compose(
        self, message: Message, config: dict[str, Any], *, policy: EndpointPolicy, now_ms: int
    ) -> list[OutboundRequest]:
        """Compose one call, or several if `split_long` is set; see `Channel.compose`."""
        self.check_config(config, policy)
        written = telegram_texts(
            subject=message.subject,
            content=message.content,
            content_type=message.content_type,
            parse_mode=config.get("parse_mode", MARKDOWN_V2),
            split=config.get("split_long") is True,
        )
        url = f"{policy.telegram_api}/bot{quote(config['bot_token'], safe=':')}/sendMessage"
        common: dict[str, Any] = {
            "disable_web_page_preview": config.get("disable_web_page_preview", True) is not False,
            "disable_notification": config.get("disable_notification", False) is True,
        }
        if config.get("message_thread_id") is not None:
            common["message_thread_id"] = config["message_thread_id"]
        timeout_ms = timeout_of(config)

        def request(text: str, **mode: str) -> OutboundRequest:
            document = {"chat_id": config["chat_id"], "text": text, **mode, **common}
            body = json.dumps(document, ensure_ascii=False)
            headers = {"Content-Type": "application/json"}
            return OutboundRequest("POST", url, headers, body, timeout_ms, written.truncated)

        return [
            request(text, parse_mode=written.parse_mode)._replace(plain=request(plain))
            for text, plain in zip(written.texts, written.plain, strict=True)
        ]

    def judge(self, answer: OutboundAnswer, now_ms: int) -> Verdict:
        """Judge by `ok`, `error_code` and `parameters`; without them by the status.

        `parameters` (core.telegram.org/bots/api#responseparameters) has a flood limit's wait,
        `retry_after`, and `migrate_to_chat_id`, the id of the supergroup that a group has become.
        """
        body, readable = provider_object(answer)
        refused = judge_status(answer, now_ms)
        if body.get("ok") is True and refused is None:
            return Verdict(DELIVERED, details=short(body.get("result") or {}))
        code = body.get("error_code")
        if body.get("ok") is False and isinstance(code, int) and not isinstance(code, bool):
            error = f"Telegram API error: {str(body.get('description') or code)[:500]}"
            told_s = _retry_after(body)
            if told_s:
                return throttled(error, answer, now_ms, told_s=told_s)
            verdict = judge_code(
                code,
                _OUTCOMES,
                error=error,
                name="TELEGRAM_API_ERROR",
                answer=answer,
                now_ms=now_ms,
            )
            moved_to = _parameter(body, "migrate_to_chat_id")
            if moved_to is not None:
                return verdict._replace(changes={"chat_id": moved_to})
            return verdict._replace(
                unparsed=code == 400 and _UNPARSED in error.lower(),
                gone=verdict.gone or (code == 403 and any(sign in error for sign in _GONE)),
            )
        if refused is not None:
            return refused
        if not readable:
            return unconfirmed()
        text = str(body.get("description") or "the answer is not Telegram's")
        return Verdict(BROKEN, f"Telegram API error: {text[:500]}", "TELEGRAM_API_ERROR")


def _retry_after(body: dict[str, Any]) -> int:
    """Return `parameters.retry_after` of a flood limit, in seconds; 0 if there is none."""
    return max(_parameter(body, "retry_after") or 0, 0)


def _parameter(body: dict[str, Any], name: str) -> int | None:
    parameters = body.get("parameters")
    value = parameters.get(name) if isinstance(parameters, dict) else None
    return value if _is_whole(value) else None


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
