"""Slack's incoming webhooks.

Errors: docs.slack.dev, "Sending messages using incoming webhooks" and "Handling errors". Pace:
docs.slack.dev/apis/web-api/rate-limits, one message a second with short bursts. Sizes:
docs.slack.dev/reference/block-kit/blocks (50 blocks; a section's text 3,000 characters, a header's
150, a context's ten elements) and "Truncating content" (a text of 40,000 characters).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localcloud.sink.chat.api import Bucket, ChatAnswer, ChatCall, json_object

MAX_BLOCKS = 50
MAX_SECTION = 3_000
MAX_HEADER = 150
MAX_CONTEXT_ELEMENTS = 10
MAX_ATTACHMENTS = 100
MAX_TEXT = 40_000

_PATH = re.compile(r"/(?:services|workflows|triggers)/.+")
_FAILURES = {
    "invalid_payload": 400,
    "no_text": 400,
    "invalid_blocks": 400,
    "too_many_attachments": 400,
    "user_not_found": 400,
    "invalid_token": 403,
    "action_prohibited": 403,
    "posting_to_general_channel_denied": 403,
    "channel_not_found": 404,
    "no_service": 404,
    "no_active_hooks": 404,
    "team_disabled": 404,
    "no_team": 404,
    "channel_is_archived": 410,
    "rate_limited": 429,
    "rollup_error": 500,
}


class Slack:
    """One Slack; it counts the messages of each webhook."""

    name = "slack"
    hook = "/services/T0/B0/{user}"

    def __init__(self) -> None:
        self._hooks = Bucket(per_second=1, burst=5)

    def serves(self, path: str) -> bool:
        """See `ChatApi.serves`."""
        return _PATH.fullmatch(path) is not None

    def receive(self, call: ChatCall) -> ChatAnswer:
        """See `ChatApi.receive`."""
        body = json_object(call.body)
        refused = "invalid_payload" if body is None else _refusal_of(body)
        if refused:
            return _error(refused)
        wait_ms = self._hooks.wait_ms(call.path, call.now_ms)
        if wait_ms:
            return _error("rate_limited", retry_after=-(-wait_ms // 1000))
        self._hooks.take(call.path, call.now_ms)
        return ChatAnswer(200, "ok", is_json=False, accepted=True)

    def failure(self, code: str) -> ChatAnswer | None:
        """See `ChatApi.failure`."""
        return _error(code, retry_after=5) if code in _FAILURES else None


def _refusal_of(body: Mapping[str, Any]) -> str:
    """Return the error for a payload that Slack refuses, else an empty text."""
    text, blocks = body.get("text", ""), body.get("blocks", [])
    attachments = body.get("attachments", [])
    if not isinstance(text, str) or not isinstance(blocks, list):
        return "invalid_payload"
    if not isinstance(attachments, list):
        return "invalid_payload"
    if not (text.strip() or blocks or attachments):
        return "no_text"
    if len(text) > MAX_TEXT:
        return "msg_too_long"
    if len(attachments) > MAX_ATTACHMENTS:
        return "too_many_attachments"
    if len(blocks) > MAX_BLOCKS or not all(_is_block(block) for block in blocks):
        return "invalid_blocks"
    return ""


def _is_block(block: object) -> bool:
    if not isinstance(block, dict):
        return False
    kind = block.get("type")
    if kind == "header":
        return _fits(block.get("text"), ("plain_text",), MAX_HEADER)
    if kind == "section" and "text" in block:
        return _fits(block["text"], ("plain_text", "mrkdwn"), MAX_SECTION)
    if kind == "context":
        elements = block.get("elements")
        return isinstance(elements, list) and 1 <= len(elements) <= MAX_CONTEXT_ELEMENTS
    return kind in {"section", "divider", "image", "actions", "rich_text", "markdown"}


def _fits(text: object, types: tuple[str, ...], most: int) -> bool:
    if not isinstance(text, dict) or text.get("type") not in types:
        return False
    content = text.get("text")
    return isinstance(content, str) and 1 <= len(content) <= most


def _error(code: str, *, retry_after: int = 0) -> ChatAnswer:
    status = _FAILURES.get(code, 400)
    headers = {"Retry-After": str(retry_after)} if status == 429 else {}
    return ChatAnswer(status, code, headers, is_json=False)
