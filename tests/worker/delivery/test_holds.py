"""What a released hold leaves behind: the line of its endpoint, and the queue's messages."""

from __future__ import annotations

import pytest

from tests.worker.world import World

HOOK = "https://hooks.slack.com/services/T000/B000/XXXX"


def next_slot(world: World) -> int:
    [row] = world.database.rows("SELECT next_slot FROM endpoint_lines")
    return int(row["next_slot"])


@pytest.mark.requirement("C-0.55", "C-0.31")
@pytest.mark.parametrize("ahead_ms", [0, 60_000])
def test_the_line_begins_behind_what_a_release_lets_go(world: World, ahead_ms: int) -> None:
    world.configure("u1", "slack", webhook_url=HOOK)
    body = {"until": "2026-01-02T00:00:00.000Z", "reason": "down"}
    assert world.request("PUT", "/api/holds/slack", body).status == 200
    for _ in range(3):
        world.send("u1", ["slack"])
    now_ms = world.clock.ms
    world.database.connection.execute(
        "UPDATE endpoint_lines SET throttled_until = ?, interval_ms = 1000", (now_ms + ahead_ms,)
    )
    world.retry_queue.waiting.clear()
    assert world.request("DELETE", "/api/holds/slack", {}).json["data"]["released"] == 3
    messages = [waiting.body for waiting in world.retry_queue.waiting]
    waits = sorted(each["expectedProcessAt"] - now_ms for each in messages)
    assert waits == [0, 1000, 2000]
    assert next_slot(world) == now_ms + max(ahead_ms, 2001)
