"""The Microsoft Teams channel: a workflow's webhook, which posts an Adaptive Card.

Source: learn.microsoft.com, "Create incoming webhooks with Workflows for Microsoft Teams" (form of
the message), "Microsoft Teams connector" (28 KB for a message), "Limits" (four calls a second), and
adaptivecards.io, "RichTextBlock" and "TextRun" (version 1.4), whose texts are literal.
"""

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from notification.channels.answer import judge_code, judge_status, provider_object
from notification.channels.channel import (
    DELIVERED,
    REJECTED,
    THROTTLED,
    Message,
    Pace,
    Verdict,
    timeout_of,
)
from notification.channels.endpoint import EndpointPolicy, check_url_field
from notification.compact_json import compact_json
from notification.errors import ChannelRefusal
from notification.markup.content import read_message
from notification.markup.document import (
    BOLD,
    CODE,
    FENCE,
    ITALIC,
    LINK,
    STRIKE,
    UNDERLINE,
    Document,
    Span,
    within_lines,
)
from notification.markup.splitting import cut_document
from notification.ports.outbound import OutboundAnswer, OutboundRequest

MAX_BODY = 28_000
"""Bytes of a request's body; a little below 28 KB."""
MAX_CONTENT = 20_000
MAX_SUBJECT = 200
_HOSTS = (".logic.azure.com", ".powerplatform.com", ".powerautomate.com", ".logic.azure.us")
_OUTCOMES = {
    "DirectApiAuthorizationRequired": REJECTED,
    "InvalidRequestContent": REJECTED,
    "MaximumMessageSizeExceeded": REJECTED,
    "RequestEntityTooLarge": REJECTED,
    "TooManyRequests": THROTTLED,
    "TriggerInputSchemaMismatch": REJECTED,
    "WorkflowNotFound": REJECTED,
    "WorkflowTriggerIsNotEnabled": REJECTED,
    "WorkflowTriggerNotFound": REJECTED,
}
"""`error.code` of Azure Logic Apps, which run the workflows. Microsoft publishes no list of them:
these are the ones that callers of workflows report (learn.microsoft.com and techcommunity, "HTTP
request trigger"): 401 for a trigger that isn't open to anyone or a URL without its signature, 400
for a body that the trigger's schema refuses or for a flow that is off, 404 for one that is gone."""
_GONE = frozenset({"WorkflowNotFound", "WorkflowTriggerNotFound"})
_OFF = "WorkflowTriggerIsNotEnabled"
"""The flow is off, or deleted: then the message says so (`state 'Deleted'`)."""


class TeamsChannel:
    """Posts to a Teams chat or channel through a workflow.

    Its configuration has `webhook_url` and `timeout` (ms).
    """

    name = "teams"
    title = "Microsoft Teams"
    endpoint_fields = ("webhook_url",)
    fields: Mapping[str, Mapping[str, Any]] = MappingProxyType(
        {
            "webhook_url": {"type": "string"},
        }
    )
    sample: Mapping[str, Any] = MappingProxyType(
        {"webhook_url": "https://preview.logic.azure.com/workflows/preview"}
    )
    pace = Pace(250, 4)
    """Four a second (learn.microsoft.com, "Rate limiting for connectors")."""
    part_size = 0
    has_plain = False

    def check_config(self, config: dict[str, Any], policy: EndpointPolicy) -> None:
        """Check that the URL is a workflow's; see `Channel.check_config`."""
        self._url(config, policy)

    def _url(self, config: dict[str, Any], policy: EndpointPolicy) -> str:
        endpoint = check_url_field(config, self.name, policy)
        secure = endpoint.url.startswith("https://")
        if endpoint.loopback or (secure and endpoint.host.endswith(_HOSTS)):
            return endpoint.url
        raise ChannelRefusal("INVALID_WEBHOOK_URL", "Invalid teams webhook URL")

    def compose(
        self, message: Message, config: dict[str, Any], *, policy: EndpointPolicy, now_ms: int
    ) -> list[OutboundRequest]:
        """Compose one call; see `Channel.compose`."""
        url = self._url(config, policy)
        heading, body = read_message(message.subject, message.content, message.content_type)
        heads = cut_document(heading, lambda d: len(d.text) <= MAX_SUBJECT, longest=MAX_SUBJECT)

        def written(part: Document) -> str:
            blocks = [_block(line, large=True) for line in heads.documents if line.text]
            return compact_json(_card([*blocks, *(_block(line) for line in _lines(part))]))

        parts = cut_document(
            body, lambda part: len(written(part).encode()) <= MAX_BODY, longest=MAX_CONTENT
        )
        headers = {"Content-Type": "application/json"}
        truncated = parts.truncated or heads.truncated
        return [
            OutboundRequest("POST", url, headers, written(part), timeout_of(config), truncated)
            for part in parts.documents
        ]

    def judge(self, answer: OutboundAnswer, now_ms: int) -> Verdict:
        """Judge by the workflow's code; without one by the status (202: it runs)."""
        refused = judge_status(answer, now_ms)
        if refused is None:
            return Verdict(DELIVERED, details={})
        body, _ = provider_object(answer)
        found = body.get("error")
        error = found if isinstance(found, dict) else {}
        if isinstance(error.get("code"), str):
            text = str(error.get("message") or error["code"])
            deleted = error["code"] == _OFF and "'Deleted'" in text
            return judge_code(
                error["code"],
                _OUTCOMES,
                gone=(_OFF,) if deleted else _GONE,
                error=f"Teams workflow error: {text[:500]}",
                name="TEAMS_ERROR",
                answer=answer,
                now_ms=now_ms,
            )
        return refused


def _card(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
        "msteams": {"width": "Full"},
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _lines(document: Document) -> list[Document]:
    """Divide a document at its line breaks: each line is a block of its own."""
    divided = within_lines(document, _KINDS)
    lines, at, first = [], 0, 0
    for line in document.text.split("\n"):
        end, last = at + len(line), first
        while last < len(divided.spans) and divided.spans[last].start < end:
            last += 1
        spans = divided.spans[first:last]
        inside = [s._replace(start=s.start - at, end=s.end - at) for s in spans]
        lines.append(Document(line, tuple(inside)))
        at, first = end + 1, last
    return lines


def _block(line: Document, *, large: bool = False) -> dict[str, Any]:
    """Return a line's block: runs of text between the places where spans begin or end."""
    places = sorted({0, len(line.text), *(p for span in line.spans for p in span[:2])})
    runs, around, following = [], list[Span](), 0
    for start, end in pairwise(places):
        while around and around[-1].end <= start:
            around.pop()
        while following < len(line.spans) and line.spans[following].start == start:
            around.append(line.spans[following])
            following += 1
        run: dict[str, Any] = {"type": "TextRun", "text": line.text[start:end]}
        for span in around:
            run |= _style(span)
        if large:
            run |= {"size": "Large", "weight": "Bolder"}
        runs.append(run)
    block: dict[str, Any] = {"type": "RichTextBlock", "inlines": runs or [_EMPTY]}
    if not large:
        block["spacing"] = "None"
    return block


_EMPTY = {"type": "TextRun", "text": " "}
_STYLES: dict[str, dict[str, Any]] = {
    BOLD: {"weight": "Bolder"},
    ITALIC: {"italic": True},
    STRIKE: {"strikethrough": True},
    UNDERLINE: {"underline": True},
    CODE: {"fontType": "Monospace"},
    FENCE: {"fontType": "Monospace"},
}

_KINDS = frozenset((*_STYLES, LINK))


def _style(span: Span) -> dict[str, Any]:
    if span.kind == LINK:
        return {"selectAction": {"type": "Action.OpenUrl", "url": span.value}, "color": "Accent"}
    return _STYLES.get(span.kind, {})
