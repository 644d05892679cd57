"""Discord's webhooks (discord.com/developers/docs, "Webhook Resource").

Limits: content of 2,000 characters, username of 80; "Rate Limits": a 429 names `retry_after` in
seconds. How many calls a webhook takes isn't documented: 5 in 2 seconds and 30 a minute were
measured. Codes: "Opcodes and Status Codes".
"""

from __future__ import annotations

import json
import re
from typing import Any

from localcloud.sink.chat.api import ChatAnswer, ChatCall, Quota, json_object

MAX_TEXT = 2_000
MAX_USERNAME = 80

_PATH = re.compile(r"/api/webhooks/([0-9]+)/[A-Za-z0-9_-]+")
_FAILURES = {
    "10003": (404, 10003, "Unknown Channel"),
    "10015": (404, 10015, "Unknown Webhook"),
    "50006": (400, 50006, "Cannot send an empty message"),
    "50027": (401, 50027, "Invalid Webhook Token"),
    "50035": (400, 50035, "Invalid Form Body"),
    "40062": (429, 40062, "Service resource is being rate limited"),
    "500": (500, 0, "500: Internal Server Error"),
}


class Discord:
    """One Discord; it counts the calls of each webhook."""

    name = "discord"
    hook = "/api/webhooks/1/{user}"

    def __init__(self) -> None:
        self._bursts = Quota(5, 2)
        self._minutes = Quota(30, 60)
        self._messages = 0

    def serves(self, path: str) -> bool:
        """See `ChatApi.serves`."""
        return _PATH.fullmatch(path) is not None

    def receive(self, call: ChatCall) -> ChatAnswer:
        """See `ChatApi.receive`."""
        body = json_object(call.body)
        if body is None or not _is_well_formed(body):
            return _error(*_FAILURES["50035"])
        if not str(body.get("content") or "").strip():
            return _error(*_FAILURES["50006"])
        limits = (self._bursts, self._minutes)
        wait_ms = max(limit.wait_ms(call.path, call.now_ms) for limit in limits)
        if wait_ms:
            return _limited(wait_ms / 1000)
        for limit in limits:
            limit.take(call.path, call.now_ms)
        self._messages += 1
        document = {"id": str(self._messages), "content": body["content"], "type": 0}
        return ChatAnswer(200, json.dumps(document), accepted=True)

    def failure(self, code: str) -> ChatAnswer | None:
        """See `ChatApi.failure`."""
        if code == "429":
            return _limited(5.0)
        return _error(*_FAILURES[code]) if code in _FAILURES else None


def _is_well_formed(body: dict[str, Any]) -> bool:
    content, username = body.get("content", ""), body.get("username", "x")
    return (
        isinstance(content, str)
        and len(content) <= MAX_TEXT
        and isinstance(username, str)
        and 1 <= len(username) <= MAX_USERNAME
        and isinstance(body.get("allowed_mentions", {}), dict)
    )


def _limited(seconds: float) -> ChatAnswer:
    document = {
        "message": "You are being rate limited.",
        "retry_after": seconds,
        "global": False,
    }
    headers = {"Retry-After": str(-int(-seconds // 1))}
    return ChatAnswer(429, json.dumps(document), headers)


def _error(status: int, code: int, message: str) -> ChatAnswer:
    return ChatAnswer(status, json.dumps({"message": message, "code": code}))
