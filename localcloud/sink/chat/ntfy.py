"""An ntfy server (docs.ntfy.sh, "Publishing"): publish as JSON, at the server's root.

Limits: "Limitations": 60 requests at once, then one in 5 seconds; a message of 4,096 bytes, above
which it becomes an attachment. Errors: the server's `errors.go`.
"""

from __future__ import annotations

import json
import re

from localcloud.sink.chat.api import Bucket, ChatAnswer, ChatCall, json_object

MAX_TEXT = 4_096

PATH = "/ntfy/"
"""The path on this machine; a server of one's own may stand below one, behind a proxy."""
_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")
_FAILURES = {
    "40009": (400, "invalid request: topic invalid"),
    "40024": (400, "invalid request: request body must be valid JSON"),
    "40101": (401, "unauthorized"),
    "40301": (403, "forbidden"),
    "41303": (413, "JSON body too large"),
    "42901": (429, "limit reached: too many requests, please be nice"),
    "42908": (429, "limit reached: too many messages"),
    "50001": (500, "internal server error"),
}


class Ntfy:
    """One server; it counts all calls, as a server does of one visitor."""

    name = "ntfy"
    hook = ""

    def __init__(self) -> None:
        self._visitor = Bucket(per_second=0.2, burst=60)
        self._messages = 0

    def serves(self, path: str) -> bool:
        """See `ChatApi.serves`."""
        return path == PATH

    def receive(self, call: ChatCall) -> ChatAnswer:
        """See `ChatApi.receive`."""
        if self._visitor.wait_ms("", call.now_ms):
            return _error("42901")
        self._visitor.take("", call.now_ms)
        body = json_object(call.body)
        if body is None:
            return _error("40024")
        if not isinstance(body.get("topic"), str) or not _TOPIC.fullmatch(body["topic"]):
            return _error("40009")
        self._messages += 1
        message = str(body.get("message") or "triggered")
        document = {
            "id": f"m{self._messages}",
            "time": call.now_ms // 1000,
            "event": "message",
            "topic": body["topic"],
            "message": message,
        }
        if len(message.encode()) > MAX_TEXT:
            document["attachment"] = {"name": "attachment.txt", "size": len(message.encode())}
        return ChatAnswer(200, json.dumps(document), accepted=True)

    def failure(self, code: str) -> ChatAnswer | None:
        """See `ChatApi.failure`."""
        return _error(code) if code in _FAILURES else None


def _error(code: str) -> ChatAnswer:
    status, text = _FAILURES[code]
    return ChatAnswer(status, json.dumps({"code": int(code), "http": status, "error": text}))
