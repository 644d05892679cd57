"""The isolate's cache of configurations."""

from __future__ import annotations

from typing import Any

from notification.configuration.channel_config import ChannelConfig, KnownConfigs

NOW = 1_000


def config(user: str, channel: str, **changes: Any) -> ChannelConfig:
    made = ChannelConfig(1, 2, user, channel, True, "", "", {"k": user})
    return made._replace(**changes)


def test_all_channels_are_known_or_none() -> None:
    known = KnownConfigs()
    slack, lark = config("u1", "slack"), config("u1", "lark")
    known.put([slack, lark], NOW)
    assert known.get("u1", ["lark", "slack"], NOW) == [lark, slack]
    assert known.get("u1", ["lark", "webhook"], NOW) is None
    assert known.get("u2", ["lark"], NOW) is None
    assert known.get("u1", [], NOW) == []


def test_what_is_switched_off_or_unreadable_is_not_kept() -> None:
    known = KnownConfigs()
    known.put([config("u1", "slack", is_active=False), config("u1", "lark", config=None)], NOW)
    for channel in ("slack", "lark"):
        assert known.get("u1", [channel], NOW) is None


def test_what_is_dropped_is_gone_and_the_rest_stays() -> None:
    known = KnownConfigs()
    known.put([config("u1", name) for name in ("slack", "lark", "webhook")], NOW)
    known.drop("u1", ["slack", "lark"])
    assert known.get("u1", ["slack"], NOW) is None
    assert known.get("u1", ["lark"], NOW) is None
    assert known.get("u1", ["webhook"], NOW) == [config("u1", "webhook")]


def test_a_rows_configuration_is_that_of_its_very_revision() -> None:
    known = KnownConfigs()
    known.put([config("u1", "slack")], NOW)
    row: dict[str, Any] = {"user_id": "u1", "channel_type": "slack", "id": 1, "revision": 2}
    assert known.of_row(row, NOW) == config("u1", "slack")
    others: list[dict[str, Any]] = [{"id": 2}, {"revision": 3}, {"revision": 1}, {"user_id": "u2"}]
    for other in others:
        assert known.of_row({**row, **other}, NOW) is None
