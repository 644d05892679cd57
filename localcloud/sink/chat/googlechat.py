"""Google Chat's incoming webhooks (developers.google.com/workspace/chat).

Limits: a message of 32,000 bytes (`spaces.messages.create`), a text of 4,096 characters (as the
refusal of a longer one says), a thread's key of 4,000; one message a second in a space, for all of
its webhooks together ("Usage limits"). Errors: google.rpc.Status, with the texts that its users
report (github.com/mr-karan/calert, issue 17; github.com/ericferon/glpi-webhook, issue 30).
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs

from localcloud.sink.chat.api import ChatAnswer, ChatCall, Quota, json_object

MAX_BODY = 32_000
MAX_TEXT = 4_096
MAX_THREAD_KEY = 4_000

_PATH = re.compile(r"/v1/spaces/[A-Za-z0-9_-]+/messages")
_FIELDS = {"text", "markupSyntax", "thread", "cardsV2", "fallbackText", "accessoryWidgets"}
_MARKUPS = {"MARKUP_SYNTAX_UNSPECIFIED", "MARKUP_SYNTAX_CHAT", "MARKUP_SYNTAX_MARKDOWN"}
_REPLY_OPTIONS = {"REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD", "REPLY_MESSAGE_OR_FAIL"}
_FAILURES = {
    "INVALID_ARGUMENT": (400, "API key not valid. Please pass a valid API key."),
    "UNAUTHENTICATED": (401, "Request had invalid authentication credentials."),
    "PERMISSION_DENIED": (403, "The API is called without a valid token."),
    "NOT_FOUND": (404, "Requested entity was not found."),
    "RESOURCE_EXHAUSTED": (429, "Resource has been exhausted (e.g. check quota)."),
    "INTERNAL": (500, "Internal error encountered."),
    "UNAVAILABLE": (503, "The service is currently unavailable."),
}


class Googlechat:
    """One Google Chat; it counts the messages of each space."""

    name = "googlechat"
    hook = "/v1/spaces/{user}/messages?key=k&token=t"

    def __init__(self) -> None:
        self._spaces = Quota(1, 1)
        self._names: dict[str, str] = {}
        self._messages = 0

    def serves(self, path: str) -> bool:
        """See `ChatApi.serves`."""
        return _PATH.fullmatch(path) is not None

    def receive(self, call: ChatCall) -> ChatAnswer:
        """See `ChatApi.receive`."""
        space = call.path.removeprefix("/v1/").removesuffix("/messages")
        query = {name: values[0] for name, values in parse_qs(call.query).items()}
        if not (query.get("key") and query.get("token")):
            return _failure("PERMISSION_DENIED")
        if query.get("messageReplyOption", "REPLY_MESSAGE_OR_FAIL") not in _REPLY_OPTIONS:
            return _error(400, "INVALID_ARGUMENT", "Invalid value at 'message_reply_option'")
        refused = _refusal_of(json_object(call.body), len(call.body))
        if refused:
            return _error(400, "INVALID_ARGUMENT", refused)
        request = f"{space} {query['requestId']}" if query.get("requestId") else ""
        if request not in self._names:
            if self._spaces.wait_ms(space, call.now_ms):
                return _failure("RESOURCE_EXHAUSTED")
            self._spaces.take(space, call.now_ms)
            self._messages += 1
        name = f"{space}/messages/{self._messages}.{self._messages}"
        if request:
            name = self._names.setdefault(request, name)
        thread = {"name": f"{space}/threads/{name.rpartition('.')[2]}"}
        return ChatAnswer(200, json.dumps({"name": name, "thread": thread}), accepted=True)

    def failure(self, code: str) -> ChatAnswer | None:
        """See `ChatApi.failure`."""
        return _failure(code) if code in _FAILURES else None


def _refusal_of(body: dict[str, Any] | None, size: int) -> str:
    """Return the text of the error for a message that Google Chat refuses, else an empty text."""
    if body is None:
        return "Invalid JSON payload received."
    unknown = sorted(set(body) - _FIELDS)
    if unknown:
        return f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.'
    text, thread = body.get("text", ""), body.get("thread", {})
    if not isinstance(text, str) or not isinstance(thread, dict):
        return "Invalid value at 'message'"
    if body.get("markupSyntax", "MARKUP_SYNTAX_CHAT") not in _MARKUPS:
        return "Invalid value at 'message.markup_syntax'"
    if len(str(thread.get("threadKey", ""))) > MAX_THREAD_KEY:
        return "Invalid thread key"
    if not (text.strip() or body.get("cardsV2")):
        return "Message cannot be empty. Discarding empty message."
    if len(text) > MAX_TEXT:
        return f"Message is longer than {MAX_TEXT} characters"
    return f"Message is longer than {MAX_BODY} bytes" if size > MAX_BODY else ""


def _failure(code: str) -> ChatAnswer:
    status, message = _FAILURES[code]
    return _error(status, code, message)


def _error(status: int, code: str, message: str) -> ChatAnswer:
    document = {"error": {"code": status, "message": message, "status": code}}
    return ChatAnswer(status, json.dumps(document))
