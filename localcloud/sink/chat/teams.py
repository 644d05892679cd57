"""Microsoft Teams' workflows: the webhook that posts an Adaptive Card.

Form: learn.microsoft.com, "Create incoming webhooks with Workflows for Microsoft Teams". Limits:
28 KB for a message ("Microsoft Teams connector") and four calls a second ("Rate limiting for
connectors"). Errors: "Azure Logic Apps", in the form of Azure's `error` object.
"""

from __future__ import annotations

import json
import re
from typing import Any

from localcloud.sink.chat.api import ChatAnswer, ChatCall, Quota, json_object

MAX_BODY = 28 * 1024

_PATH = re.compile(r"/workflows/([A-Za-z0-9_-]+)/triggers/manual/paths/invoke")
_FAILURES = {
    "WorkflowTriggerIsNotEnabled": (400, "The workflow's trigger is not enabled"),
    "WorkflowNotFound": (404, "The workflow could not be found"),
    "DirectApiAuthorizationRequired": (401, "The request must be authenticated"),
    "TooManyRequests": (429, "Rate limit is exceeded. Try again in 5 seconds."),
    "InternalServerError": (500, "Encountered internal server error"),
}
_ELEMENTS = {"TextBlock", "RichTextBlock", "Container", "FactSet", "Image", "ActionSet"}


class Teams:
    """One Teams; it counts the calls of each workflow."""

    name = "teams"
    hook = "/workflows/{user}/triggers/manual/paths/invoke"

    def __init__(self) -> None:
        self._seconds = Quota(4, 1)

    def serves(self, path: str) -> bool:
        """See `ChatApi.serves`."""
        return _PATH.fullmatch(path) is not None

    def receive(self, call: ChatCall) -> ChatAnswer:
        """See `ChatApi.receive`."""
        if len(call.body) > MAX_BODY:
            return _error(413, "RequestEntityTooLarge", "Request Entity too large")
        if not _is_card(json_object(call.body)):
            return _error(400, "TriggerInputSchemaMismatch", "The input does not match the schema")
        if self._seconds.wait_ms(call.path, call.now_ms):
            return _error(429, "TooManyRequests", "Rate limit is exceeded", retry_after=1)
        self._seconds.take(call.path, call.now_ms)
        return ChatAnswer(202, "", is_json=False, accepted=True)

    def failure(self, code: str) -> ChatAnswer | None:
        """See `ChatApi.failure`."""
        if code not in _FAILURES:
            return None
        status, message = _FAILURES[code]
        return _error(status, code, message, retry_after=5 if status == 429 else 0)


def _is_card(body: dict[str, Any] | None) -> bool:
    attachments = (body or {}).get("attachments")
    if (body or {}).get("type") != "message" or not isinstance(attachments, list):
        return False
    return len(attachments) == 1 and all(_is_attachment(each) for each in attachments)


def _is_attachment(attachment: object) -> bool:
    if not isinstance(attachment, dict):
        return False
    card = attachment.get("content")
    return (
        attachment.get("contentType") == "application/vnd.microsoft.card.adaptive"
        and isinstance(card, dict)
        and card.get("type") == "AdaptiveCard"
        and isinstance(card.get("body"), list)
        and all(isinstance(e, dict) and e.get("type") in _ELEMENTS for e in card["body"])
    )


def _error(status: int, code: str, message: str, *, retry_after: int = 0) -> ChatAnswer:
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    document = {"error": {"code": code, "message": message}}
    return ChatAnswer(status, json.dumps(document), headers)
