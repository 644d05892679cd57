"""The pace of an endpoint, and which configurations lead to the same one."""

from __future__ import annotations

from typing import Any

import pytest

from notification.channels.channel import DEFAULT_PACE, Pace
from notification.channels.pace import (
    BOT_PACE,
    bot_of,
    endpoint_id,
    pace_of,
    parse_rate,
)
from notification.settings import Settings

PLAIN = Settings.read({})


@pytest.mark.requirement("C-0.52")
@pytest.mark.parametrize(
    ("rate", "pace"),
    [
        ({"per_second": 1}, Pace(1_000)),
        ({"per_second": 3}, Pace(334)),
        ({"per_second": 1_000, "burst": 1_000}, Pace(1, 1_000)),
        ({"per_minute": 100, "burst": 2}, Pace(600, 2)),
        ({"per_minute": 7}, Pace(8_572)),
        ({"per_second": None, "per_minute": 1}, Pace(60_000)),
    ],
)
def test_a_rate_is_an_interval_rounded_up_and_a_burst(rate: object, pace: Pace) -> None:
    assert parse_rate(rate) == pace


@pytest.mark.requirement("C-0.52")
@pytest.mark.parametrize(
    "rate",
    [
        *(None, 5, "5", [], {}, {"burst": 1}, {"per_second": 0}, {"per_second": 1_001}),
        *({"per_second": 1.5}, {"per_second": "1"}, {"per_second": True}, {"per_minute": -1}),
        *({"per_second": 1, "burst": 0}, {"per_second": 1, "burst": 1_001}),
        *({"per_second": 1, "per_minute": 60}, {"per_second": 1, "per_hour": 1}),
        {"per_second": 1, "burst": None},
    ],
)
def test_what_is_no_rate_means_none(rate: object) -> None:
    assert parse_rate(rate) is None


@pytest.mark.requirement("C-0.31")
@pytest.mark.parametrize(
    ("channel", "config", "pace"),
    [
        ("telegram", {"chat_id": 5}, Pace(1_000)),
        ("telegram", {"chat_id": "5"}, Pace(1_000)),
        ("telegram", {"chat_id": -5}, Pace(3_000)),
        ("telegram:oncall", {"chat_id": "@name"}, Pace(3_000)),
        ("telegram", {"chat_id": -5, "rate": {"per_second": 2}}, Pace(500)),
        ("slack", None, Pace(1_000, 5)),
        ("lark", {}, Pace(600)),
        ("discord", {}, Pace(2_000, 5)),
        ("teams", {}, Pace(250, 4)),
        ("ntfy", {}, Pace(5_000, 60)),
        ("googlechat", {}, Pace(1_200)),
        ("a channel of another release", {}, DEFAULT_PACE),
        ("webhook", {"rate": "fast"}, DEFAULT_PACE),
        ("webhook:oncall", {}, Pace(200, 5)),
    ],
)
def test_an_endpoint_keeps_its_providers_pace_or_its_own(
    channel: str, config: dict[str, Any] | None, pace: Pace
) -> None:
    assert pace_of(channel, config, PLAIN) == pace


def test_the_stacks_rates_stand_between_the_two() -> None:
    settings = Settings.read({"CHANNEL_RATES": '{"slack": {"per_minute": 6}, "lark": 5}'})
    assert pace_of("slack:oncall", {}, settings) == Pace(10_000)
    assert pace_of("slack", {"rate": {"per_second": 1}}, settings) == Pace(1_000)
    assert pace_of("lark", {}, settings) == Pace(600)
    for text in ("{", "[]", "5", ""):
        assert pace_of("lark", {}, Settings.read({"CHANNEL_RATES": text})) == Pace(600)


@pytest.mark.requirement("C-0.31")
def test_configurations_that_lead_to_one_endpoint_have_one_id() -> None:
    def same(channel: str, first: dict[str, Any], second: dict[str, Any]) -> bool:
        return endpoint_id(channel, first) == endpoint_id(channel, second)

    url = "https://hooks.example.com/In"
    spellings = [" https://hooks.example.com/In ", "HTTPS://Hooks.Example.COM/In", f"{url}#x"]
    for spelling in spellings:
        assert same("webhook", {"webhook_url": url}, {"webhook_url": spelling, "secret": "s"})
    for other in ("https://hooks.example.com/in", "http://hooks.example.com/In", f"{url}?a=1"):
        assert not same("webhook", {"webhook_url": url}, {"webhook_url": other})
    bare = {"webhook_url": "https://hooks.example.com"}
    assert same("webhook", bare, {"webhook_url": "https://hooks.example.com/"})
    assert endpoint_id("slack", bare) != endpoint_id("webhook", bare)
    assert endpoint_id("slack:oncall", bare) == endpoint_id("slack", bare)
    assert same("ntfy", {"topic": "t"}, {"topic": "t", "server": ""})
    assert not same("ntfy", {"topic": "t"}, {"topic": "t", "server": "https://n.example"})


def test_an_id_holds_no_part_of_a_secret_and_a_chats_begins_with_its_bots() -> None:
    token = "123456:secret-token"
    chat, other = (endpoint_id("telegram", {"bot_token": token, "chat_id": n}) for n in (1, 2))
    assert bot_of(chat) == bot_of(other) != ""
    assert chat != other
    assert (len(chat), "secret" in chat) == (33, False)
    assert bot_of(endpoint_id("webhook", {"webhook_url": token})) == ""
    assert BOT_PACE.interval_ms * 30 >= 1_000


def test_half_a_character_leads_somewhere_too() -> None:
    assert len(endpoint_id("slack", {"webhook_url": "https://x.example/\ud83d"})) == 16


@pytest.mark.parametrize(
    ("channel", "config"),
    [("webhook", {}), ("webhook", {"webhook_url": None}), ("fax", {"webhook_url": "x"})],
)
def test_a_configuration_that_leads_nowhere_has_no_id(channel: str, config: Any) -> None:
    assert endpoint_id(channel, config) == ""
