"""What each channel sends for one message with every kind of markup, to the last character."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from notification.channels.channel import Message
from notification.channels.endpoint import EndpointPolicy
from notification.channels.registry import CHANNELS
from notification.ports.outbound import OutboundRequest

POLICY = EndpointPolicy(allow_loopback=False, allow_http=False)
EXPECTED = Path(__file__).parent / "whole_requests.yaml"
"""Read through by a person; where a channel is to write something else, change it there."""


@cache
def expected() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(EXPECTED.read_text(encoding="utf-8"))
    return found


def shown(request: OutboundRequest) -> dict[str, Any]:
    """A request as the file has it."""
    plain = {} if request.plain is None else {"plain": json.loads(request.plain.body)}
    return {
        "url": f"{request.method} {request.url}",
        "headers": request.headers,
        "body": json.loads(request.body),
        **plain,
    }


def requests(channel: str, content_type: str) -> list[dict[str, Any]]:
    own = CHANNELS[channel]
    config = dict(own.sample)
    if "allow_broadcast" in own.fields:
        config["allow_broadcast"] = True
    written = "html" if content_type == "html" else "markdown"
    message = Message(
        message_id="ntf_1",
        user_id="u1",
        content=expected()["content"][written],
        subject=expected()["subject"],
        content_type=content_type,
        template_key="key",
    )
    composed = own.compose(message, config, policy=POLICY, now_ms=1_767_225_600_123)
    assert not any(request.truncated for request in composed)
    return [shown(request) for request in composed]


@pytest.mark.parametrize("content_type", ["markdown", "html", "text"])
@pytest.mark.parametrize("channel", expected()["requests"])
def test_a_message_is_written_as_the_channel_reads_it(channel: str, content_type: str) -> None:
    assert requests(channel, content_type) == expected()["requests"][channel][content_type]
