"""Telling the operators of endpoints that were switched off."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.logging import Log
from notification.tasks.deactivation import SILENT, switch_off_gone
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
