"""The registry of channels."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from localcloud.sink.chat import chat_apis
from notification.channels.channel import Message
from notification.channels.endpoint import EndpointPolicy
from notification.channels.registry import CHANNELS


@pytest.mark.requirement("C-1.1", "C-4")
def test_the_contracts_four_channels_are_there_in_its_order() -> None:
    assert list(CHANNELS)[:4] == ["webhook", "telegram", "lark", "slack"]
    assert list(CHANNELS)[4:] == ["discord", "teams", "ntfy"]
    assert {CHANNELS[name].name for name in CHANNELS} == set(CHANNELS)


@pytest.mark.parametrize("name", list(CHANNELS))
def test_a_preview_can_be_composed_of_every_channels_sample(name: str) -> None:
    policy = EndpointPolicy(allow_loopback=False, allow_http=False, strict_tokens=False)
    message = Message("id", "u1", "x", "S", "markdown", None)
    config = dict(CHANNELS[name].sample)
    assert CHANNELS[name].compose(message, config, policy=policy, now_ms=0)


@pytest.mark.parametrize("name", [name for name in CHANNELS if name != "webhook"])
def test_every_chat_has_its_api_on_this_machine(name: str) -> None:
    assert name in {api.name for api in chat_apis()}


def test_the_document_names_every_channel_and_its_examples_can_be_saved() -> None:
    text = (Path(__file__).parents[3] / "docs" / "channels.md").read_text(encoding="utf-8")
    table = text.partition("# Adding a channel")[0]
    assert re.findall(r"^\| `([a-z]+)` \|", table, re.M) == list(CHANNELS)
    policy = EndpointPolicy(allow_loopback=False, allow_http=False)
    examples = [json.loads(e) for e in re.findall(r"```json\n(.*?)\n```", table, re.DOTALL)]
    for name, example in zip(("discord", "teams", "ntfy"), examples, strict=True):
        CHANNELS[name].check_config(example, policy)
