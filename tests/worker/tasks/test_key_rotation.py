"""Resealing configurations under the current key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.configuration.key_ring import derive_key, key_id
from tests.worker.world import ENDPOINT, World

OLD = "0123456789abcdef0123456789abcdef"
NEW = "fedcba9876543210fedcba9876543210"
TRIGGER = "/api/scheduled-tasks/trigger"


def _run(world: World) -> Any:
    done = world.request("POST", TRIGGER, {"taskName": "key_rotation"})
    assert done.status == 200, done.text
    return done.json["data"]


def _rotate(world: World) -> None:
    world.environment |= {"ENCRYPT_KEY": NEW, "ENCRYPT_KEY_PREVIOUS": OLD}


@pytest.fixture
def stored(world: World) -> World:
    """Three configurations: sealed by the old key, in clear, and readable by nobody."""
    for user in ("u1", "u2", "u3"):
        world.configure(user)
    change = "UPDATE user_configs SET config_data = ? WHERE user_id = ?"
    world.database.connection.execute(change, (json.dumps({"webhook_url": ENDPOINT}), "u2"))
    world.database.connection.execute(change, ("enc:v2:00000000:AAAA", "u3"))
    return world


@pytest.mark.requirement("C-0.11")
def test_old_keys_and_clear_text_give_way_to_the_current_key(stored: World) -> None:
    _rotate(stored)
    result = _run(stored)
    current = key_id(derive_key(NEW))
    assert (result["resealed"], result["unreadable"]) == (2, 1)
    assert result["rowsByKey"] == {current: 2, "00000000": 1}
    del stored.environment["ENCRYPT_KEY_PREVIOUS"]
    for user in ("u1", "u2"):
        assert stored.send(user).json["results"][0]["status"] == "sent"


def test_a_second_run_finds_nothing_more_to_do(stored: World) -> None:
    _rotate(stored)
    _run(stored)
    assert _run(stored)["resealed"] == 0


def test_resealing_changes_nothing_for_a_send_that_knows_the_configuration(stored: World) -> None:
    _rotate(stored)
    stored.send("u1")
    before = stored.database.rows("SELECT id, revision, updated_at FROM user_configs")
    _run(stored)
    assert stored.database.rows("SELECT id, revision, updated_at FROM user_configs") == before
    calls = stored.database.calls
    stored.send("u1")
    assert stored.database.calls - calls == 2


@pytest.mark.requirement("C-0.11")
def test_an_unfinished_run_is_continued(world: World) -> None:
    for number in range(520):
        world.database.connection.execute(
            "INSERT INTO user_configs (user_id, channel_type, config_data)"
            " VALUES (?, 'webhook', ?)",
            (f"u{number}", json.dumps({"webhook_url": ENDPOINT})),
        )
    assert _run(world)["resealed"] == 500
    second = _run(world)
    assert second["resealed"] == 20
    assert list(second["rowsByKey"].values()) == [520]


def test_it_runs_by_itself_once_an_hour(world: World) -> None:
    for _ in range(3):
        world.cron()
        world.clock.ms += 300_000
    names = [
        line["taskName"]
        for line in world.log_sink.of_type("scheduled_task")
        if line.get("taskStatus") == "completed"
    ]
    assert names.count("key_rotation") == 1
