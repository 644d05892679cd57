"""How often and after which waits a notification is retried."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from notification.delivery.schedule import (
    default_waits,
    max_retries,
    max_retries_or_default,
    own_waits,
    retries_allowed,
    retry_delay_ms,
    throttled_delay_ms,
)
from notification.ports.database import DatabaseError, Result, Statement
from notification.settings import Settings
from tests.worker.world import World


class Fixed:
    """Randomness whose every byte is the same."""

    def __init__(self, byte: int) -> None:
        self._byte = byte

    def token_bytes(self, count: int) -> bytes:
        return bytes([self._byte]) * count


def setting(world: World, value: str | None) -> None:
    if value is not None:
        world.database.connection.execute(
            "INSERT INTO system_configs (config_key, config_value)"
            " VALUES ('max_retry_attempts', ?)"
            " ON CONFLICT (config_key) DO UPDATE SET config_value = excluded.config_value",
            (value,),
        )


@pytest.mark.parametrize(
    ("value", "enabled", "retries"),
    [
        (None, "true", 2),
        ("", "true", 2),
        ("many", "true", 2),
        ("-1", "true", 2),
        ("0", "true", 0),
        ("1", "true", 1),
        ("5", "true", 5),
        ("6", "true", 5),
        ("5", "false", 0),
    ],
)
def test_the_number_of_retries_is_a_setting_of_operators(
    world: World, value: str | None, enabled: str, retries: int
) -> None:
    setting(world, value)
    world.environment["FEATURE_RETRY_ENABLED"] = enabled
    platform = world.platform()
    assert world.run(max_retries(platform)) == retries
    rows = [] if value is None else [{"config_value": value}]
    assert retries_allowed(Result(rows, 0, 0), platform) == retries


def test_without_an_answer_there_are_two_retries(world: World) -> None:
    def down(statements: Sequence[Statement]) -> None:
        raise DatabaseError("away")

    world.database.before_batch = down
    assert world.run(max_retries_or_default(world.platform())) == 2


def test_the_default_waits_grow_from_ten_seconds_to_a_quarter_of_an_hour() -> None:
    assert default_waits(9) == (10_000, 30_000, 60_000, 300_000, 900_000)
    assert default_waits(2) == (10_000, 30_000)
    assert default_waits(0) == ()


@pytest.mark.parametrize(
    ("config", "environment", "waits"),
    [
        (None, {}, None),
        ({}, {}, None),
        ({"retry_schedule": ["1m"]}, {}, (60_000,)),
        ({"retry_schedule": []}, {}, ()),
        ({"retry_schedule": "soon"}, {}, None),
        ({}, {"RETRY_SCHEDULE": "5s,6s"}, (5_000, 6_000)),
        ({"retry_schedule": ["1m"]}, {"RETRY_SCHEDULE": "5s"}, (60_000,)),
        ({"retry_schedule": "soon"}, {"RETRY_SCHEDULE": "5s"}, (5_000,)),
        ({"retry_schedule": ["1m"]}, {"FEATURE_RETRY_ENABLED": "false"}, ()),
    ],
)
def test_an_endpoints_schedule_wins_over_the_stacks(
    config: dict[str, object] | None, environment: dict[str, str], waits: tuple[int, ...] | None
) -> None:
    assert own_waits(config, Settings.read(environment)) == waits


@pytest.mark.parametrize(
    ("byte", "told_s", "waits"),
    [(0, 0, 9_000), (0xFF, 0, 11_000), (0, 9, 9_000), (0, 10, 10_000), (0xFF, 11, 11_000)],
)
def test_a_wait_is_a_tenth_shorter_or_longer_and_as_long_as_is_asked_for(
    byte: int, told_s: int, waits: int
) -> None:
    assert retry_delay_ms(10_000, retry_after_s=told_s, randomness=Fixed(byte)) == waits


@pytest.mark.parametrize(
    ("times", "told_s", "waits"),
    [
        (1, 0, 9_000),
        (2, 0, 27_000),
        (3, 0, 54_000),
        (4, 0, 270_000),
        (9, 0, 270_000),
        (9, 1, 1_000),
    ],
)
def test_a_throttled_ones_wait_grows_unless_it_is_told(times: int, told_s: int, waits: int) -> None:
    assert throttled_delay_ms(times, retry_after_s=told_s, randomness=Fixed(0)) == waits
