"""The switches in a channel's configuration: true and false alone turn them."""

from __future__ import annotations

from typing import Any

import pytest

from notification.channels.channel import Message
from notification.channels.endpoint import EndpointPolicy
from notification.channels.registry import CHANNELS
from notification.errors import ChannelRefusal
from notification.ports.outbound import OutboundRequest

POLICY = EndpointPolicy(allow_loopback=False, allow_http=False)
ON_UNLESS_SWITCHED_OFF = {"disable_web_page_preview"}
LONG = "word " * 2_000
EVERYBODY = {"discord": "@everyone", "slack": "<!channel>", "lark": "<at id=all></at>"}
SWITCHES = [
    (channel, field)
    for channel in CHANNELS
    for field, schema in CHANNELS[channel].fields.items()
    if schema.get("type") == "boolean"
]


def composed(
    channel: str, content: str, subject: str | None = "Subject", **config: Any
) -> list[OutboundRequest] | str:
    """The calls, or why there are none."""
    own = CHANNELS[channel]
    message = Message(
        message_id="ntf_1",
        user_id="u1",
        content=content,
        subject=subject,
        content_type="markdown",
        template_key=None,
    )
    try:
        return own.compose(
            message, {**own.sample, **config}, policy=POLICY, now_ms=1_767_225_600_000
        )
    except ChannelRefusal as refusal:
        return refusal.text


def test_switches_are_known() -> None:
    assert len(SWITCHES) >= 12


@pytest.mark.parametrize(("channel", "field"), SWITCHES)
def test_a_switch_changes_a_message_and_is_off_unless_it_is_set(channel: str, field: str) -> None:
    usual = field in ON_UNLESS_SWITCHED_OFF
    everybody = f"{EVERYBODY.get(channel, '<users/all>')} **short**"
    texts = [(LONG, "Subject"), (everybody, "Subject"), ("short", None)]
    without = [composed(channel, *text) for text in texts]
    switch: dict[str, Any] = {field: usual}
    assert [composed(channel, *text, **switch) for text in texts] == without
    switch[field] = not usual
    assert [composed(channel, *text, **switch) for text in texts] != without


@pytest.mark.parametrize(("channel", "field"), SWITCHES)
@pytest.mark.parametrize("value", [0, 1, 2, 1.0, "true", "false", None, []])
def test_what_is_neither_true_nor_false_turns_no_switch(
    channel: str, field: str, value: Any
) -> None:
    found = composed(channel, LONG, **{field: value})
    assert found in (composed(channel, LONG), f"{field} must be true or false")
