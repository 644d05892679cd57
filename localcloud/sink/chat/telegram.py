"""Telegram's `sendMessage` (core.telegram.org/bots/api), with its limits and its errors.

Paces are those of core.telegram.org/bots/faq, "My bot is hitting limits": about one message a
second in a chat, 20 a minute in a group, 30 a second for a bot. "Short bursts" are allowed in a
chat; how short isn't documented: three is a cautious choice.
"""

from __future__ import annotations

import json
import re
from typing import Any

from localcloud.sink.chat.api import Bucket, ChatAnswer, ChatCall, Quota, json_object
from localcloud.sink.chat.telegram_markup import PARSE_MODES, Malformed, count_entities

MAX_TEXT = 4096
"""UTF-16 code units after the entities are parsed (bots/api#sendmessage)."""
MAX_ENTITIES = 100
"""Entities of one message; not documented, it was measured."""

_PATH = re.compile(r"/bot([^/]*)/sendMessage")
_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")
_CHAT = re.compile(r"-?[0-9]{1,19}|@[A-Za-z][A-Za-z0-9_]{3,}")
_FAILURES = {
    "400": (400, "Bad Request: chat not found", {}),
    "401": (401, "Unauthorized", {}),
    "403": (403, "Forbidden: bot was blocked by the user", {}),
    "404": (404, "Not Found", {}),
    "429": (429, "Too Many Requests: retry after 5", {"retry_after": 5}),
    "500": (500, "Internal Server Error", {}),
    "migrate": (
        400,
        "Bad Request: group chat was upgraded to a supergroup chat",
        {"migrate_to_chat_id": -1001234567890},
    ),
}


class Telegram:
    """One Telegram; it counts each chat, each group and each bot."""

    name = "telegram"
    hook = ""

    def __init__(self) -> None:
        self._chats = Bucket(per_second=1, burst=3)
        self._groups = Quota(20, 60)
        self._bots = Quota(30, 1)
        self._messages = 0

    def serves(self, path: str) -> bool:
        """See `ChatApi.serves`."""
        return _PATH.fullmatch(path) is not None

    def receive(self, call: ChatCall) -> ChatAnswer:
        """See `ChatApi.receive`."""
        found = _PATH.fullmatch(call.path)
        token = found[1] if found else ""
        if not _TOKEN.fullmatch(token):
            return _error(404, "Not Found")
        body = json_object(call.body)
        if body is None:
            return _error(400, "Bad Request: message text is empty")
        chat = str(body.get("chat_id") or "")
        if not chat:
            return _error(400, "Bad Request: chat_id is empty")
        if not _CHAT.fullmatch(chat):
            return _error(400, "Bad Request: chat not found")
        refused = _refusal_of_text(body)
        if refused is not None:
            return refused
        wait_ms = self._wait_ms(token, chat, call.now_ms)
        if wait_ms:
            seconds = -(-wait_ms // 1000)
            return _error(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
        self._messages += 1
        result = {
            "message_id": self._messages,
            "date": call.now_ms // 1000,
            "chat": {"id": int(chat) if chat.lstrip("-").isdecimal() else chat},
            "text": body["text"],
        }
        return ChatAnswer(200, json.dumps({"ok": True, "result": result}), accepted=True)

    def failure(self, code: str) -> ChatAnswer | None:
        """See `ChatApi.failure`."""
        if code not in _FAILURES:
            return None
        status, description, parameters = _FAILURES[code]
        return _error(status, description, **parameters)

    def _wait_ms(self, token: str, chat: str, now_ms: int) -> int:
        key = f"{token} {chat}"
        limits: list[tuple[Bucket | Quota, str]] = [(self._chats, key), (self._bots, token)]
        # A group, a supergroup and a channel have negative ids or a name.
        if chat.startswith(("-", "@")):
            limits.append((self._groups, key))
        wait_ms = max(limit.wait_ms(of, now_ms) for limit, of in limits)
        if not wait_ms:
            for limit, of in limits:
                limit.take(of, now_ms)
        return wait_ms


def _refusal_of_text(body: dict[str, Any]) -> ChatAnswer | None:
    text, mode = body.get("text"), body.get("parse_mode")
    if not isinstance(text, str) or not text.strip():
        return _error(400, "Bad Request: message text is empty")
    shown, entities = text, 0
    if mode is not None:
        read = PARSE_MODES.get(str(mode).lower())
        if read is None:
            return _error(400, "Bad Request: unsupported parse_mode")
        try:
            shown = read(text)
            entities = count_entities(text, str(mode).lower())
        except Malformed as error:
            return _error(400, f"Bad Request: can't parse entities: {error}")
    if not shown.strip():
        return _error(400, "Bad Request: message text is empty")
    if len(shown.encode("utf-16-le")) // 2 > MAX_TEXT:
        return _error(400, "Bad Request: message is too long")
    if entities > MAX_ENTITIES:
        return _error(400, "Bad Request: too many entities")
    return None


def _error(status: int, description: str, **parameters: int) -> ChatAnswer:
    document: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if parameters:
        document["parameters"] = parameters
    return ChatAnswer(status, json.dumps(document))
