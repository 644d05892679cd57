"""What lists cost: round trips and statements do not grow with the rows."""

from __future__ import annotations

import pytest

from tests.worker.world import World

ROWS = 30


@pytest.fixture
def filled(world: World) -> World:
    """Thirty templates, recipients, notifications and records of tasks."""
    contents = {"webhook": {"content_template": "x"}, "lark": {"content_template": "y"}}
    for number in range(ROWS):
        world.request("POST", f"/api/templates/t{number}", {"contents": contents})
        world.configure(f"u{number}")
        world.send(f"u{number}")
        world.clock.ms += 60_000
        world.request("POST", "/api/scheduled-tasks/trigger", {"taskName": "monitoring"})
    return world


@pytest.mark.requirement("B-48")
@pytest.mark.parametrize(
    ("target", "round_trips"),
    [
        ("/api/templates?limit=200", 1),
        ("/api/user-configs", 1),
        ("/api/notification-logs", 1),
        ("/api/notification-logs?channel=webhook", 2),
        ("/api/task-execution-records?limit=200", 1),
        ("/health/scheduled-tasks", 1),
        ("/api/queue/status", 3),
    ],
)
def test_a_list_costs_the_same_however_many_rows_it_has(
    filled: World, target: str, round_trips: int
) -> None:
    before = filled.database.calls, len(filled.database.statements)
    answer = filled.request("GET", target)
    assert answer.status == 200
    assert filled.database.calls - before[0] <= round_trips
    assert len(filled.database.statements) - before[1] <= 6
