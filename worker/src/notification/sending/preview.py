"""What a channel would get of a template: its rendered text, and the calls that would carry it."""

import json
from typing import Any

from notification.channels.channel import Message, base_channel
from notification.channels.endpoint import EndpointPolicy
from notification.channels.registry import CHANNELS
from notification.errors import ChannelRefusal, ServiceError
from notification.templates.contents import render_contents
from notification.templates.stored_template import TemplateText
from notification.templates.template_document import read_content

_POLICY = EndpointPolicy(allow_loopback=False, allow_http=False)


def preview_draft(
    key: str, channel: str, content: Any, variables: dict[str, Any], *, now_ms: int
) -> dict[str, Any]:
    """Return the preview of a content that isn't saved; its mistake, if it has one, as `error`."""
    try:
        row = read_content(channel, content, CHANNELS)
    except ServiceError as error:
        return {
            "subject": None,
            "content": "",
            "content_type": "text",
            "missing_variables": [],
            "error": error.text,
        }
    text = TemplateText(row.content_type, row.content, row.subject)
    return preview_text(key, channel, text, variables, now_ms=now_ms)


def preview_text(
    key: str, channel: str, text: TemplateText, variables: dict[str, Any], *, now_ms: int
) -> dict[str, Any]:
    """Return one channel's preview.

    `payloads` are the bodies of the calls in order. What can't be sent has an `error`: one
    channel's mistake hides no other channel's preview.
    """
    rendered = render_contents(text, variables, channel=base_channel(channel))
    shown: dict[str, Any] = {
        "subject": rendered.subject,
        "content": rendered.content,
        "content_type": text.content_type,
        "missing_variables": list(rendered.missing_variables),
    }
    if rendered.truncated:
        shown["truncated"] = True
    if rendered.problem:
        return {**shown, "error": rendered.problem}
    if channel not in CHANNELS:
        return shown
    message = Message(
        "ntf_preview", "preview", rendered.content, rendered.subject, text.content_type, key
    )
    try:
        calls = CHANNELS[channel].compose(
            message, dict(CHANNELS[channel].sample), policy=_POLICY, now_ms=now_ms
        )
    except ChannelRefusal as refusal:
        return {**shown, "error": refusal.text}
    return {**shown, "payloads": [json.loads(call.body) for call in calls]}
