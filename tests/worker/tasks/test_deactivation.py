"""Telling the operators of endpoints that were switched off."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.identity import first_row_id
from notification.logging import Log
from notification.tasks.deactivation import FAILING_MS, SILENT, switch_off_gone
from notification.timestamps import DAY_MS, iso
from tests.worker.world import World

OPS = "https://ops.example.com/alerts"
AT = "2025-12-31T23:00:00.000Z"


def tell(world: World, state: dict[str, Any]) -> int:
    """One hourly run."""
    platform = world.platform()
    return world.run(switch_off_gone(platform, state, Log.of(platform)))


@pytest.mark.requirement("C-0.38")
def test_many_that_are_switched_off_at_once_are_all_told(world: World) -> None:
    world.configure("ops", webhook_url=OPS)
    world.database.connection.execute(
        "INSERT INTO system_configs (config_key, config_value) VALUES ('alert_user_id', 'ops')"
    )
    users = [f"u{number:02}" for number in range(45)]
    for user in users:
        world.configure(user)
    world.database.connection.execute(
        "UPDATE user_configs SET is_active = 0, deactivated_at = ?, deactivated_reason = ?"
        " WHERE user_id <> 'ops'",
        (AT, SILENT),
    )
    state: dict[str, Any] = {}
    assert [tell(world, state) for _ in range(4)] == [20, 20, 5, 0]
    texts = [json.loads(request.body)["content"] for _, request in world.endpoints.received]
    lines = [line for text in texts for line in text.splitlines()[1:]]
    assert lines == [f"webhook of {user}: {SILENT}" for user in users]
    assert texts[0].startswith("Endpoints were switched off:\n")


@pytest.mark.requirement("C-0.38")
def test_what_an_older_version_has_told_is_not_told_again(world: World) -> None:
    world.configure("u1")
    world.database.connection.execute(
        "UPDATE user_configs SET deactivated_at = ?, deactivated_reason = ?", (AT, SILENT)
    )
    assert tell(world, {"deactivated_told": AT}) == 0
    assert tell(world, {}) == 1


def fail(world: World, *ago_ms: int, outcome: str = "rejected", status: str = "failed") -> None:
    """Let a notification to u1 have ended so many milliseconds ago, each."""
    for ms in ago_ms:
        moment = world.clock.ms - ms
        world.database.connection.execute(
            "INSERT INTO notification_logs"
            " (id, message_id, user_id, channel_type, status, attempts, sent_at)"
            " VALUES (?1, 'm-' || ?1, 'u1', 'webhook', ?2, json_array(json_object('outcome', ?3)),"
            " CASE ?2 WHEN 'sent' THEN ?4 END)",
            (first_row_id(moment), status, outcome, iso(moment)),
        )


def is_switched_off(world: World, saved_ago_ms: int = 10 * DAY_MS) -> bool:
    world.database.connection.execute(
        "UPDATE user_configs SET updated_at = ?", (iso(world.clock.ms - saved_ago_ms),)
    )
    tell(world, {})
    [row] = world.database.rows("SELECT is_active FROM user_configs")
    return not row["is_active"]


@pytest.mark.requirement("C-0.38")
@pytest.mark.parametrize(
    ("ago_ms", "gone"),
    [
        ((FAILING_MS, 0), True),
        ((FAILING_MS - 1, 0), False),
        ((6 * DAY_MS, 6 * DAY_MS - FAILING_MS), True),
        ((6 * DAY_MS, 6 * DAY_MS - FAILING_MS + 1), False),
        ((6 * DAY_MS, 5 * DAY_MS, 4 * DAY_MS), False),
        ((6 * DAY_MS,), False),
        ((30 * DAY_MS, 0), True),
        ((31 * DAY_MS, 26 * DAY_MS + 1), False),
        ((30 * DAY_MS + 1, 4 * DAY_MS), False),
    ],
)
def test_failures_over_five_days_of_the_last_thirty_switch_it_off(
    world: World, ago_ms: tuple[int, ...], gone: bool
) -> None:
    world.configure("u1")
    fail(world, *ago_ms)
    assert is_switched_off(world) is gone


@pytest.mark.requirement("C-0.38")
@pytest.mark.parametrize(
    ("outcome", "gone"), [("rejected", True), ("broken", True), ("throttled", False)]
)
def test_only_what_the_endpoint_would_not_take_counts(
    world: World, outcome: str, gone: bool
) -> None:
    world.configure("u1")
    fail(world, FAILING_MS, 0, outcome=outcome)
    assert is_switched_off(world) is gone


@pytest.mark.requirement("C-0.38")
@pytest.mark.parametrize(("ago_ms", "gone"), [(FAILING_MS, False), (FAILING_MS + 1, True)])
def test_a_delivery_or_a_save_of_the_last_five_days_keeps_it_on(
    world: World, ago_ms: int, gone: bool
) -> None:
    world.configure("u1")
    fail(world, 6 * DAY_MS, 0)
    fail(world, ago_ms, status="sent")
    assert is_switched_off(world) is gone
    saved = World()
    saved.configure("u1")
    fail(saved, 6 * DAY_MS, 0)
    assert is_switched_off(saved, saved_ago_ms=FAILING_MS - 1) is False
    assert is_switched_off(saved, saved_ago_ms=FAILING_MS) is True
