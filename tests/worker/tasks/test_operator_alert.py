"""Alerts to the operators."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from notification.logging import Log
from notification.ports.database import DatabaseError, Statement
from notification.tasks.operator_alert import OperatorAlert
from tests.worker.world import World

HOUR_MS = 3_600_000


def alert(world: World) -> OperatorAlert:
    return OperatorAlert(world.platform(), Log.of(world.platform()))


def tell(world: World, text: str = "down", *, key: str = "k", life_ms: int = HOUR_MS) -> None:
    world.run(alert(world).send("ops", text, key=key, life_ms=life_ms))


def setting(world: World, key: str, value: str) -> None:
    world.database.connection.execute(
        "INSERT INTO system_configs (config_key, config_value) VALUES (?, ?)", (key, value)
    )


def complaints(world: World) -> list[tuple[object, object]]:
    """Code and error of each line that says that an alert wasn't sent."""
    lines = [line for line in world.log_sink.lines if line["message"] == "Alerts could not be sent"]
    assert all(line["level"] == "error" for line in lines)
    return [(line.get("code"), line["error"]) for line in lines]


@pytest.mark.requirement("C-3.5")
def test_the_recipient_is_a_setting(world: World) -> None:
    assert world.run(alert(world).recipient()) is None
    setting(world, "alert_user_id", " ops ")
    assert world.run(alert(world).recipient()) == "ops"

    def down(statements: Sequence[Statement]) -> None:
        raise DatabaseError("away")

    world.database.before_batch = down
    assert world.run(alert(world).recipient()) is None
    assert complaints(world) == [(None, "away")]


@pytest.mark.requirement("C-3.5")
@pytest.mark.parametrize(
    ("chosen", "channels"),
    [
        (None, ["webhook"]),
        ("", ["webhook"]),
        ("pigeon,", ["webhook"]),
        (" webhook:oncall , pigeon, webhook,webhook:oncall", ["webhook:oncall", "webhook"]),
    ],
)
def test_an_alert_goes_over_the_channels_that_exist(
    world: World, chosen: str | None, channels: list[str]
) -> None:
    if chosen is not None:
        setting(world, "alert_channels", chosen)
    for channel in ("webhook", "webhook:oncall"):
        world.configure("ops", channel)
    tell(world)
    assert [row["channel_type"] for row in world.logs()] == channels
    [first, *_] = world.endpoints.bodies
    assert first["content"] == "down"
    assert first["subject"] == "Notification system (production): alert"


def test_the_same_key_is_told_once_in_its_time_whatever_it_says(world: World) -> None:
    world.configure("ops")
    tell(world, "first", life_ms=1_000)
    tell(world, "first", life_ms=1_000)
    tell(world, "second", life_ms=1_000)
    tell(world, "other", key="other")
    world.clock.ms += 1_000
    tell(world, "third", life_ms=1_000)
    assert [body["content"] for body in world.endpoints.bodies] == ["first", "other", "third"]
    assert complaints(world) == []


def test_an_alert_that_cannot_be_sent_is_logged_and_raises_nothing(world: World) -> None:
    tell(world)
    assert complaints(world) == [("USER_NO_CHANNELS", "User ops has no configured channels")]

    def down(statements: Sequence[Statement]) -> None:
        raise DatabaseError("away")

    world.database.before_batch = down
    tell(world)
    assert complaints(world)[1:] == [(None, "away")]
