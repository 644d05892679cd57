"""How often a write that something else overtakes is made again, before its caller is told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from notification.ports.database import Statement
from tests.worker.world import World


class Rival:
    """Changes the recipient's configuration just before each of the first writes of a kind."""

    def __init__(self, world: World, mark: str, times: int) -> None:
        self.writes = 0
        self._world = world
        self._mark = mark
        self._times = times
        world.database.before_batch = self._before

    def _before(self, statements: Sequence[Statement]) -> None:
        if any(self._mark in statement.sql for statement in statements):
            self.writes += 1
            if self.writes <= self._times:
                self._world.database.connection.execute(
                    "UPDATE user_configs SET revision = revision + 1"
                )


@pytest.mark.parametrize(("changes", "saved"), [(4, True), (5, False)])
def test_a_configuration_is_switched_off_at_the_fifth_time(
    world: World, changes: int, saved: bool
) -> None:
    world.configure()
    rival = Rival(world, "UPDATE user_configs\nSET config_data", changes)
    document = {"user_id": "u1", "channel_type": "webhook", "is_active": False}
    answer = world.request("POST", "/api/user-configs", document)
    assert rival.writes == 5
    if saved:
        assert answer.status == 200
    else:
        assert (answer.status, answer.code) == (503, "DB_ERROR")
        assert answer.json["error"] == "The configuration keeps changing; please try again"


@pytest.mark.parametrize(("changes", "sent"), [(4, True), (5, False)])
def test_a_send_is_accepted_at_the_fifth_time(world: World, changes: int, sent: bool) -> None:
    world.configure()
    rival = Rival(world, "INSERT INTO notification_logs", changes)
    answer = world.send()
    assert rival.writes == 5
    if sent:
        assert answer.status == 200
    else:
        assert (answer.status, answer.code) == (503, "DB_ERROR")
        assert answer.json["retryAfter"] == 1
        assert world.logs() == []


@pytest.mark.parametrize(("changes", "attempted"), [(2, 2), (3, 0)])
def test_a_batch_is_written_together_three_times_and_then_one_by_one(
    world: World, changes: int, attempted: int
) -> None:
    world.configure("u1")
    world.configure("u2")
    rival = Rival(world, "INSERT INTO notification_logs", changes)
    send = {"channels": ["webhook"], "custom_content": {"content": "x"}}
    sends = [{**send, "user_id": user} for user in ("u1", "u2")]
    answer = world.request("POST", "/api/notifications/batch", {"notifications": sends})
    assert [each["success"] for each in answer.json["results"]] == [True, True]
    # What is written alone is left to the queue: the invocation's calls may be spent.
    # Each of them knows from the last round what has changed since.
    assert rival.writes == (3 if attempted else 3 + 2 * 2)
    assert len(world.endpoints.received) == attempted
    assert {row["status"] for row in world.logs()} == {"sent" if attempted else "pending"}
