"""What a clean-up deletes, at each edge of its times and pages."""

from __future__ import annotations

import pytest

from notification.identity import first_row_id
from notification.storage.log_retention import retention_hours
from notification.tasks import clean_up as module
from notification.tasks.clean_up import CleanUpResult, clean_up
from notification.timestamps import DAY_MS, HOUR_MS, iso
from tests.worker.world import World


def cleaned(world: World, *, hourly: bool = True) -> CleanUpResult:
    return world.run(clean_up(world.platform(), hourly=hourly))


def add_keys(world: World, count: int, *, expired_ms_ago: int) -> None:
    """Put idempotency keys into the database that expired so long ago."""
    world.database.connection.executemany(
        "INSERT INTO idempotency_keys (user_id, idempotency_key, message_ids, expires_at)"
        " VALUES ('u1', ?, '[]', ?)",
        [(f"{expired_ms_ago} {at}", iso(world.clock.ms - expired_ms_ago)) for at in range(count)],
    )


def count(world: World, table: str) -> int:
    [row] = world.database.rows(f"SELECT COUNT(*) AS n FROM {table}")  # noqa: S608 - a test's own
    return int(row["n"])


def test_a_key_goes_as_soon_as_it_expires(world: World) -> None:
    add_keys(world, 1, expired_ms_ago=0)
    add_keys(world, 1, expired_ms_ago=-1)
    assert cleaned(world) == CleanUpResult(0, 1, 0, 0, 0)
    assert count(world, "idempotency_keys") == 1


@pytest.mark.parametrize(("keys", "left"), [(5, 0), (6, 3), (7, 3)])
def test_keys_go_in_pages_and_the_next_run_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch, keys: int, left: int
) -> None:
    monkeypatch.setattr(module, "PAGE", 3)
    monkeypatch.setattr(module, "_MAX_PAGES", 2)
    add_keys(world, keys, expired_ms_ago=1)
    result = cleaned(world)
    # A last page that is full may have another one behind it.
    assert (result.keys, result.keys_left) == (min(keys, 6), left)
    assert count(world, "idempotency_keys") == keys - result.keys


def test_only_the_hourly_one_looks_at_keys_records_and_lines(world: World) -> None:
    add_keys(world, 1, expired_ms_ago=1)
    assert cleaned(world, hourly=False) == CleanUpResult(0, 0, 0, 0, 0)
    assert count(world, "idempotency_keys") == 1


def test_a_line_goes_an_hour_after_its_last_place(world: World) -> None:
    world.database.connection.executemany(
        "INSERT INTO endpoint_lines"
        " (endpoint, channel_type, throttled_until, next_slot, interval_ms, burst)"
        " VALUES (?, 'slack', 0, ?, 1000, 1)",
        [("stays", world.clock.ms - HOUR_MS), ("goes", world.clock.ms - HOUR_MS - 1)],
    )
    cleaned(world)
    assert [row["endpoint"] for row in world.database.rows("SELECT * FROM endpoint_lines")] == [
        "stays"
    ]


@pytest.mark.parametrize(("newest_ago_ms", "gone"), [(0, 2), (1, 0)])
def test_records_of_tasks_go_after_thirty_days_while_one_is_kept(
    world: World, newest_ago_ms: int, gone: int
) -> None:
    edge = 30 * DAY_MS
    world.database.connection.executemany(
        "INSERT INTO task_execution_records (task_name, execution_time, status)"
        " VALUES ('t', ?, 'completed')",
        [(iso(world.clock.ms - edge - ago),) for ago in (2, 1, newest_ago_ms)],
    )
    assert cleaned(world).task_records == gone
    assert count(world, "task_execution_records") == 3 - gone


@pytest.mark.parametrize(("ago_ms", "gone"), [(0, 0), (1, 1)])
def test_a_notification_goes_after_its_retention(world: World, ago_ms: int, gone: int) -> None:
    world.database.connection.execute(
        "INSERT INTO system_configs (config_key, config_value)"
        " VALUES ('cleanup_retention_hours', '48')"
        " ON CONFLICT (config_key) DO UPDATE SET config_value = excluded.config_value"
    )
    moment = world.clock.ms - 48 * HOUR_MS - ago_ms
    world.database.connection.execute(
        "INSERT INTO notification_logs (id, message_id, user_id, channel_type, status)"
        " VALUES (?1, 'm', 'u1', 'webhook', 'failed')",
        (first_row_id(moment),),
    )
    assert cleaned(world, hourly=False).notifications == gone


def add_settled(world: World, count: int) -> None:
    """Put notifications into the database that were settled long ago."""
    world.database.connection.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO notification_logs (id, message_id, user_id, channel_type, status)"
        " SELECT i, 'm' || i, 'u1', 'webhook', 'failed' FROM n",
        (count,),
    )


def test_a_run_deletes_ten_thousand_and_a_request_twenty_thousand(world: World) -> None:
    add_settled(world, 10_000)
    add_keys(world, 10_000, expired_ms_ago=1)
    # The last page is full: another one may follow.
    assert cleaned(world) == CleanUpResult(10_000, 10_000, 0, 1_000, 1_000)
    assert cleaned(world) == CleanUpResult(0, 0, 0, 0, 0)
    add_settled(world, 20_001)
    path = "/api/notification-logs/cleanup?days=1"
    deleted = [world.request("DELETE", path).json["data"] for _ in range(2)]
    assert [(each["deleted_count"], each.get("more")) for each in deleted] == [
        (20_000, True),
        (1, None),
    ]


@pytest.mark.parametrize(
    ("setting", "hours"), [(None, 168), ("", 168), ("soon", 168), ("-5", 168), ("0", 1), ("2", 2)]
)
def test_notifications_are_kept_for_a_week_unless_it_is_set(
    world: World, setting: str | None, hours: int
) -> None:
    if setting is not None:
        world.database.connection.execute(
            "INSERT INTO system_configs (config_key, config_value)"
            " VALUES ('cleanup_retention_hours', ?)"
            " ON CONFLICT (config_key) DO UPDATE SET config_value = excluded.config_value",
            (setting,),
        )
    assert world.run(retention_hours(world.platform())) == hours
