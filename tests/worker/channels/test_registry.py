"""The registry of channels."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from localcloud.sink.chat import chat_apis
from notification.channels.channel import MAX_PARTS, Message, timeout_of
from notification.channels.endpoint import EndpointPolicy
from notification.channels.registry import CHANNELS
from tests.worker.caller import Answer
from tests.worker.world import World


@pytest.mark.requirement("C-1.1", "C-4")
def test_the_contracts_four_channels_are_there_in_its_order() -> None:
    assert list(CHANNELS)[:4] == ["webhook", "telegram", "lark", "slack"]
    assert {CHANNELS[name].name for name in CHANNELS} == set(CHANNELS)


@pytest.mark.parametrize("name", list(CHANNELS))
def test_a_preview_can_be_composed_of_every_channels_sample(name: str) -> None:
    policy = EndpointPolicy(allow_loopback=False, allow_http=False, strict_tokens=False)
    message = Message("id", "u1", "x", "S", "markdown", None)
    config = dict(CHANNELS[name].sample)
    assert CHANNELS[name].compose(message, config, policy=policy, now_ms=0)


@pytest.mark.requirement("C-4")
@pytest.mark.parametrize("name", list(CHANNELS))
def test_every_channels_timeout_is_checked_when_it_is_saved(world: World, name: str) -> None:
    def saved(timeout: object) -> Answer:
        config = {**CHANNELS[name].sample, "timeout": timeout}
        if name == "telegram":
            config["bot_token"] = "1:" + "a" * 30
        document = {"user_id": "u1", "channel_type": name, "config_data": config}
        return world.request("POST", "/api/user-configs", document)

    for wrong in ("5s", "5000", 999, 30_001, 5_000.0, True, None):
        refused = saved(wrong)
        assert (refused.status, refused.code) == (400, "VALIDATION_ERROR"), wrong
        assert refused.json["error"] == "timeout must be 1000 to 30000 milliseconds"
    for right in (1_000, 30_000):
        assert saved(right).status in (200, 201)


@pytest.mark.parametrize(
    ("timeout", "used"),
    [
        (None, 10_000),
        (0, 1_000),
        (1_000, 1_000),
        (19_999, 19_999),
        (20_001, 20_000),
        (True, 10_000),
        ("5000", 10_000),
    ],
)
def test_a_stored_timeout_is_kept_within_what_an_attempt_may_take(
    timeout: object, used: int
) -> None:
    assert timeout_of({} if timeout is None else {"timeout": timeout}) == used


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("webhook", True),
        ("webhook:a", True),
        ("webhook:9-_z", True),
        (f"webhook:{'a' * 24}", True),
        (f"webhook:{'a' * 25}", False),
        *((name, False) for name in ("webhook:", "webhook:A", "webhook:-a", "webhook:a b", "fax")),
        *((name, False) for name in ("fax:a", "Webhook", "webhook:a:b", "webhook:ä", "", ":a")),
        (5, False),
    ],
)
def test_a_name_is_a_channels_or_one_of_its_endpoints(name: object, known: bool) -> None:
    assert (name in CHANNELS) is known
    if known:
        assert CHANNELS[str(name)].name == "webhook"
    else:
        with pytest.raises(KeyError):
            CHANNELS[name]  # type: ignore[index]


@pytest.mark.requirement("C-0.26")
@pytest.mark.parametrize("name", list(CHANNELS))
@pytest.mark.parametrize("piece", ["a", "_", "a\n", "\u4f60", "\U0001f642"])
def test_a_channel_declares_how_it_splits_and_whether_it_repeats_without_markup(
    name: str, piece: str
) -> None:
    channel = CHANNELS[name]
    policy = EndpointPolicy(allow_loopback=False, allow_http=False, strict_tokens=False)
    config = {**channel.sample, "split_long": True}

    def calls(size: int) -> int:
        content = f"*a*{piece * (size // len(piece) - 4)}b"
        message = Message("id", "u1", content, 300 * piece, "markdown", None)
        return len(channel.compose(message, config, policy=policy, now_ms=0))

    assert calls(100_000) == (MAX_PARTS if channel.part_size else 1)
    if channel.part_size:
        assert calls(channel.part_size - 1) == 1
        assert calls(2 * channel.part_size - 1) <= 2
    marked = Message("id", "u1", "**bold** text", "Subject", "markdown", None)
    [call] = channel.compose(marked, config, policy=policy, now_ms=0)
    assert (call.plain is not None) is channel.has_plain


@pytest.mark.parametrize("name", [name for name in CHANNELS if name != "webhook"])
def test_every_chat_has_its_api_on_this_machine(name: str) -> None:
    assert name in {api.name for api in chat_apis()}


def test_the_document_names_every_channel_and_its_examples_can_be_saved() -> None:
    text = (Path(__file__).parents[3] / "docs" / "channels.md").read_text(encoding="utf-8")
    table = text.partition("# Adding a channel")[0]
    assert re.findall(r"^\| `([a-z]+)` \|", table, re.M) == list(CHANNELS)
    policy = EndpointPolicy(allow_loopback=False, allow_http=False)
    [examples] = re.findall(r"```json\n(.*?)\n```", table, re.DOTALL)
    configs = json.loads(examples)
    assert list(configs) == list(CHANNELS)
    for name, config in configs.items():
        CHANNELS[name].check_config(config, policy)
    sent = re.findall(r'"channels":(\[.*?\])', table)
    assert [json.loads(channels) for channels in sent] == [list(CHANNELS)]
    assert re.findall(r'"channel_type":"([a-z]+)"', table) == list(CHANNELS)
