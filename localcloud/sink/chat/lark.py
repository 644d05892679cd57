"""Lark's (Feishu's) custom bot: a webhook of a group.

Limits and codes: open.larksuite.com and open.feishu.cn, "Use bots in groups" (100 calls a minute
and 5 a second for a bot, 20 KB for a body, codes 9499, 19001, 19021, 19022, 19024) and "Generic
error codes" (11232 and 99991400: too frequent).
"""

from __future__ import annotations

import json
import re
from typing import Any

from localcloud.sink.chat.api import ChatAnswer, ChatCall, Quota, json_object

MAX_BODY = 20 * 1024
"""Bytes of a request's body."""

_PATH = re.compile(r"/open-apis/bot/v2/hook/([^/]+)")
_CONTENTS = {"text": "content", "post": "content", "image": "content", "interactive": "card"}
_BAD_REQUEST = (400, 9499, "Bad Request")
_FAILURES = {
    "9499": (400, 9499, "too many request"),
    "bad_request": _BAD_REQUEST,
    "11232": (
        200,
        11232,
        "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]",
    ),
    "99991400": (429, 99991400, "request trigger frequency limit"),
    "19001": (400, 19001, "param invalid: incoming webhook access token invalid"),
    "19021": (
        400,
        19021,
        "sign match fail or timestamp is not within one hour from current time",
    ),
    "19022": (400, 19022, "Ip Not Allowed"),
    "19024": (400, 19024, "Key Words Not Found"),
}


class Lark:
    """One Lark; it counts the calls of each bot."""

    name = "lark"
    hook = "/open-apis/bot/v2/hook/{user}"

    def __init__(self) -> None:
        self._seconds = Quota(5, 1)
        self._minutes = Quota(100, 60)

    def serves(self, path: str) -> bool:
        """See `ChatApi.serves`."""
        return _PATH.fullmatch(path) is not None

    def receive(self, call: ChatCall) -> ChatAnswer:
        """See `ChatApi.receive`."""
        body = json_object(call.body)
        if len(call.body) > MAX_BODY or body is None or not _is_message(body):
            return _answer(*_BAD_REQUEST)
        found = _PATH.fullmatch(call.path)
        bot = found[1] if found else ""
        if self._seconds.wait_ms(bot, call.now_ms):
            return _answer(*_FAILURES["9499"])
        if self._minutes.wait_ms(bot, call.now_ms):
            return _answer(*_FAILURES["11232"])
        self._seconds.take(bot, call.now_ms)
        self._minutes.take(bot, call.now_ms)
        return _answer(200, 0, "success")

    def failure(self, code: str) -> ChatAnswer | None:
        """See `ChatApi.failure`."""
        return _answer(*_FAILURES[code]) if code in _FAILURES else None


def _is_message(body: dict[str, Any]) -> bool:
    """Say whether a body has a type that a bot sends, with its content."""
    field = _CONTENTS.get(str(body.get("msg_type")))
    return field is not None and isinstance(body.get(field), dict)


def _answer(status: int, code: int, message: str) -> ChatAnswer:
    document: dict[str, Any] = {"code": code, "data": {}, "msg": message}
    if code == 0:
        document |= {"StatusCode": 0, "StatusMessage": "success"}
    return ChatAnswer(status, json.dumps(document), accepted=code == 0)
