"""What a released hold leaves behind: the line of its endpoint, and the queue's messages."""

from __future__ import annotations

import pytest

from notification.timestamps import DAY_MS, iso
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
    assert next_slot(world) == now_ms + max(ahead_ms, 3000)


def test_a_recipient_whose_name_came_out_empty_is_not_everybody(world: World) -> None:
    until = {"until": "2026-01-02T00:00:00.000Z"}
    assert world.request("PUT", "/api/holds/slack", until).status == 200
    before = world.request("GET", "/api/holds").json
    for method, channel, body in (("PUT", "telegram", until), ("DELETE", "slack", {})):
        refused = world.request(method, f"/api/holds/{channel}?user_id=", body)
        assert (refused.status, refused.code) == (400, "INVALID_USER_ID")
    assert world.request("GET", "/api/holds").json == before


@pytest.mark.parametrize(
    ("ahead_ms", "held"), [(0, False), (1, True), (30 * DAY_MS, True), (30 * DAY_MS + 1, False)]
)
def test_a_hold_lasts_up_to_thirty_days(world: World, ahead_ms: int, held: bool) -> None:
    until = iso(world.clock.ms + ahead_ms)
    answer = world.request("PUT", "/api/holds/slack", {"until": until, "reason": "x" * 500})
    if held:
        assert (answer.json["data"]["until"], answer.json["data"]["reason"]) == (until, "x" * 500)
    else:
        assert (answer.status, answer.json["error"]) == (
            400,
            "until must be an ISO 8601 time in the future, at most 30 days ahead",
        )


@pytest.mark.parametrize("given", [{}, {"reason": ""}])
def test_a_hold_needs_no_reason(world: World, given: dict[str, str]) -> None:
    body = {"until": iso(world.clock.ms + DAY_MS), **given}
    answer = world.request("PUT", "/api/holds/slack", body)
    assert (answer.status, answer.json["data"]["reason"]) == (200, "")


@pytest.mark.parametrize("reason", [0, False, [], {}])
def test_a_reason_that_is_no_text_is_refused(world: World, reason: object) -> None:
    body = {"until": iso(world.clock.ms + DAY_MS), "reason": reason}
    answer = world.request("PUT", "/api/holds/slack", body)
    assert (answer.status, answer.json["error"]) == (400, "reason must be a string")
    assert world.request("GET", "/api/holds").json["data"]["holds"] == []
