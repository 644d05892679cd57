"""The Telegram channel: a bot's `sendMessage` (core.telegram.org/bots/api#sendmessage)."""

import json
import re
from typing import Any
from urllib.parse import quote

from notification.channels.answer import judge_status, parsed_details, short
from notification.channels.channel import Message, Verdict, timeout_of
from notification.channels.endpoint import EndpointPolicy
from notification.errors import ChannelRefusal
from notification.markup.escaping import HTML, MARKDOWN, MARKDOWN_V2
from notification.markup.plain_text import clean
from notification.markup.telegram import telegram_texts
from notification.ports.outbound import OutboundAnswer, OutboundRequest

_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]{20,}")
_PERMANENT = (400, 401, 403, 404)
_MODES = (MARKDOWN_V2, MARKDOWN, HTML)


class TelegramChannel:
    """Sends as a Telegram bot.

    Its configuration has `bot_token`, `chat_id`, `parse_mode`, `disable_web_page_preview`,
    `disable_notification`, `split_long` and `timeout` (ms).
    """

    name = "telegram"

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

    def compose(
        self, message: Message, config: dict[str, Any], *, policy: EndpointPolicy, now_ms: int
    ) -> list[OutboundRequest]:
        """Compose one call, or several if `split_long` is set; see `Channel.compose`."""
        self.check_config(config, policy)
        written = telegram_texts(
            subject=clean(message.subject or "") or None,
            content=clean(message.content),
            content_type=message.content_type,
            parse_mode=config.get("parse_mode", MARKDOWN_V2),
            split=config.get("split_long") is True,
        )
        url = f"{policy.telegram_api}/bot{quote(config['bot_token'], safe=':')}/sendMessage"
        common = {
            "parse_mode": written.parse_mode,
            "disable_web_page_preview": config.get("disable_web_page_preview", True) is not False,
            "disable_notification": config.get("disable_notification", False) is True,
        }
        return [
            OutboundRequest(
                "POST",
                url,
                {"Content-Type": "application/json"},
                json.dumps(
                    {"chat_id": config["chat_id"], "text": text, **common}, ensure_ascii=False
                ),
                timeout_of(config),
                written.truncated,
            )
            for text in written.texts
        ]

    def judge(self, answer: OutboundAnswer, now_ms: int) -> Verdict:
        """Judge by the status first, then by `ok` in the answer."""
        body = parsed_details(answer, limit=None)
        body = body if isinstance(body, dict) else {}
        refused = judge_status(answer, now_ms)
        if refused is not None:
            return refused._replace(
                retry_after_s=max(refused.retry_after_s, _retry_after(body))
                if refused.retryable
                else 0
            )
        if body.get("ok") is True:
            return Verdict(accepted=True, details=short(body.get("result") or {}))
        if "ok" not in body and not answer.is_whole:
            return Verdict(accepted=True, details={}, unconfirmed=True)
        description = body.get("description") or "the answer is not Telegram's"
        return Verdict(
            accepted=False,
            retryable=body.get("error_code") not in _PERMANENT,
            error=f"Telegram API error: {str(description)[:500]}",
            code="TELEGRAM_API_ERROR",
            retry_after_s=_retry_after(body),
        )


def _retry_after(body: dict[str, Any]) -> int:
    """Return `parameters.retry_after` of a flood limit, in seconds, an hour at most."""
    parameters = body.get("parameters")
    value = parameters.get("retry_after") if isinstance(parameters, dict) else None
    valid = isinstance(value, int) and not isinstance(value, bool)
    return min(max(int(value or 0), 0), 3_600) if valid else 0
