"""The Slack channel: an incoming webhook (api.slack.com, "Sending messages using webhooks")."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from notification.channels.answer import judge_code, judge_status, provider_object, unconfirmed
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
from notification.markup.slack import SlackTexts, slack_texts
from notification.ports.outbound import OutboundAnswer, OutboundRequest
from notification.timestamps import iso

_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_PATH = "/"
_CHANNEL = re.compile(r"[#@].+")
_REJECTED = (
    "action_prohibited",
    "channel_is_archived",
    "channel_not_found",
    "invalid_attachments",
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_payload",
    "invalid_token",
    "missing_text_or_fallback_or_attachments",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_active_hooks",
    "no_service",
    "no_service_id",
    "no_team",
    "no_text",
    "posting_to_general_channel_denied",
    "team_disabled",
    "too_many_attachments",
    "token_revoked",
    "user_not_found",
)
_OUTCOMES = {
    **dict.fromkeys(_REJECTED, REJECTED),
    "rate_limited": THROTTLED,
    "ratelimited": THROTTLED,
    "rollup_error": BROKEN,
}
"""Error texts of webhooks (docs.slack.dev, "Sending messages using incoming webhooks", errors;
"Rate limits"; `chat.postMessage`, errors)."""
_GONE = frozenset(
    {
        "invalid_token",
        "no_active_hooks",
        "no_service",
        "no_service_id",
        "no_team",
        "team_disabled",
        "token_revoked",
    }
)
"""Those that say that the webhook, its app or its workspace is disabled or removed (as above)."""
_UNPARSED = frozenset(
    {"invalid_attachments", "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}
)
"""Those that refuse the form of a message, whose text may go alone."""
_ERROR = re.compile(r"[a-z]+(?:_[a-z]+){1,7}")
"""The form of Slack's error texts, by which one that is new is told from what a proxy answers."""


class SlackChannel:
    """Sends to a Slack incoming webhook.

    Its configuration has `webhook_url`, `username`, `icon_emoji`, `channel`, `use_blocks`,
    `use_attachments`, `color`, `thread_ts`, `allow_broadcast` and `timeout` (ms).
    """

    name = "slack"
    title = "Slack"
    endpoint_fields = ("webhook_url",)
    fields: Mapping[str, Mapping[str, Any]] = MappingProxyType(
        {
            "allow_broadcast": {"type": "boolean"},
            "channel": {"type": "string"},
            "color": {"type": "string"},
            "icon_emoji": {"type": "string"},
            "thread_ts": {"type": "string"},
            "use_attachments": {"type": "boolean"},
            "use_blocks": {"type": "boolean"},
            "username": {"type": "string"},
            "webhook_url": {"type": "string"},
        }
    )
    sample: Mapping[str, Any] = MappingProxyType(
        {"webhook_url": "https://hooks.slack.com/services/preview"}
    )
    pace = Pace(1_000, 5)
    """One a second with short bursts (docs.slack.dev, "Rate limits"; it doesn't say how short)."""
    part_size = 0
    has_plain = True

    def check_config(self, config: dict[str, Any], policy: EndpointPolicy) -> None:
        """Check the URL and the types of the fields; see `Channel.check_config`."""
        self._checked(config, policy)

    def _checked(self, config: dict[str, Any], policy: EndpointPolicy) -> str:
        url = check_provider_url(config, self.name, policy, hosts=_HOSTS, path=_PATH)
        for field in ("username", "icon_emoji", "channel", "color", "thread_ts"):
            if not isinstance(config.get(field, ""), str):
                raise ChannelRefusal("INVALID_CONFIG", f"{field} must be a string")
        check_switch(config, "allow_broadcast")
        return url

    def compose(
        self, message: Message, config: dict[str, Any], *, policy: EndpointPolicy, now_ms: int
    ) -> list[OutboundRequest]:
        """Compose one call; see `Channel.compose`."""
        url = self._checked(config, policy)
        payload, plain, truncated = _payload(message, config, now_ms)
        headers = {"Content-Type": "application/json"}

        def request(of: dict[str, Any]) -> OutboundRequest:
            body = compact_json(of)
            return OutboundRequest("POST", url, headers, body, timeout_of(config), truncated)

        written = request(payload)
        return [written if plain == payload else written._replace(plain=request(plain))]

    def judge(self, answer: OutboundAnswer, now_ms: int) -> Verdict:
        """Judge by Slack's text (`ok`, or the name of an error); without one by the status."""
        text = answer.body.strip()
        body, readable = provider_object(answer)
        refused = judge_status(answer, now_ms)
        if (text == "ok" or body.get("ok") is True) and refused is None:
            return Verdict(DELIVERED, details={"ok": True})
        named = body.get("error") if body else text
        if isinstance(named, str) and (
            named in _OUTCOMES or (answer.is_whole and _ERROR.fullmatch(named[:64]))
        ):
            named = named[:64]
            verdict = judge_code(
                named,
                _OUTCOMES,
                gone=_GONE,
                error=f"Slack API error: {named}",
                name="SLACK_ERROR",
                answer=answer,
                now_ms=now_ms,
            )
            return verdict._replace(unparsed=named in _UNPARSED)
        if refused is not None:
            return refused
        if not (readable and answer.is_whole):
            return unconfirmed()
        return Verdict(
            BROKEN,
            f"Slack API error: {text[:500] or 'the answer is empty'}",
            "SLACK_ERROR",
        )


def _payload(
    message: Message, config: dict[str, Any], now_ms: int
) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """Return the message in Slack's form, the same without markup, and whether it was shortened."""
    texts = slack_texts(
        subject=message.subject,
        content=message.content,
        content_type=message.content_type,
        broadcast=config.get("allow_broadcast") is True,
    )
    payload: dict[str, Any] = {
        "text": texts.text,
        "username": config.get("username") or "Notification Bot",
        "icon_emoji": config.get("icon_emoji") or ":bell:",
    }
    if not texts.marked:
        payload["mrkdwn"] = False
    if _CHANNEL.fullmatch(config.get("channel") or ""):
        payload["channel"] = config["channel"]
    if config.get("thread_ts"):
        payload["thread_ts"] = config["thread_ts"]
    plain = {**payload, "text": texts.plain, "mrkdwn": False}
    if texts.heading and config.get("use_attachments") is True:
        payload["text"] = texts.heading
        payload["mrkdwn"] = False
        payload["attachments"] = [
            {
                "color": config.get("color") or "good",
                "pretext": texts.heading,
                "text": texts.text,
                "mrkdwn_in": ["text"] if texts.marked else [],
                "ts": now_ms // 1000,
            }
        ]
    elif texts.heading or config.get("use_blocks") is True:
        if texts.heading:
            payload |= {"text": texts.heading, "mrkdwn": False}
        payload["blocks"] = _blocks(texts, now_ms)
    return payload, plain, texts.truncated


def _blocks(texts: SlackTexts, now_ms: int) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if texts.heading:
        title = {"type": "plain_text", "text": texts.heading, "emoji": True}
        blocks.append({"type": "header", "text": title})
    for section in texts.sections:
        text: dict[str, Any] = {"type": "mrkdwn", "text": section}
        if not texts.marked:
            text = {"type": "plain_text", "text": section, "emoji": False}
        blocks.append({"type": "section", "text": text})
    moment = f"<!date^{now_ms // 1000}^{{date_short_pretty}} {{time}}|{iso(now_ms)}>"
    sent = {"type": "mrkdwn", "text": f"Sent at {moment}"}
    return [*blocks, {"type": "context", "elements": [sent]}]
