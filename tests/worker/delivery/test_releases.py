"""What a hold's end doesn't let go at once follows with the sweep, in the order of its age."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from notification.delivery import releases
from notification.ports.database import DatabaseError, Statement
from notification.timestamps import DAY_MS, from_iso, iso
from tests.worker.endpoints import answer
from tests.worker.world import World

USERS = ("dan", "bob", "u3")
"""A user on each of three databases."""
PACE_MS = 200
SWEEP_MS = 300_000
UNEVEN = ("dan",) * 5 + USERS * 3
"""Senders by age: the first database has most of the oldest."""


@pytest.fixture(params=[1, 3], ids=["one-database", "three-databases"])
def held(request: pytest.FixtureRequest) -> World:
    """An installation whose users share an endpoint, and whose webhooks are held for a day."""
    world = World(shards=request.param)
    for user in USERS:
        world.configure(user)
    hold(world)
    return world


def hold(world: World) -> None:
    until = {"until": iso(world.clock.ms + DAY_MS)}
    assert world.request("PUT", "/api/holds/webhook", until).status == 200


def send(world: World, users: Sequence[str]) -> None:
    for user in users:
        world.clock.ms += 1_000
        world.send(user)


def release(world: World) -> int:
    freed = world.request("DELETE", "/api/holds/webhook").json["data"]["released"]
    return int(freed)


def sweep(world: World, times: int = 1) -> None:
    for _ in range(times):
        world.clock.ms += SWEEP_MS - world.clock.ms % SWEEP_MS
        world.cron()


def places(world: World) -> list[int]:
    """When those that nothing holds any more are due, the oldest first."""
    rows = sorted(world.logs(), key=lambda row: int(row["id"]))
    now = iso(world.clock.ms)
    return [
        from_iso(row["next_retry_at"])
        for row in rows
        if row["status"] == "retry" and not (row["held_until"] and row["held_until"] > now)
    ]


def in_order(found: Sequence[int], pace_ms: int = PACE_MS) -> bool:
    """Whether each stands behind all that are older."""
    return all(later - earlier >= pace_ms for earlier, later in pairwise(found))


@pytest.mark.requirement("C-0.55", "C-0.31")
def test_the_oldest_of_all_databases_go_first_however_many_calls_it_takes(
    held: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "MAX_RELEASED", 4)
    send(held, UNEVEN)
    assert release(held) == 4
    let_go = [len(places(held))]
    assert in_order(places(held))
    for _ in range(3):
        sweep(held)
        assert in_order(places(held))
        let_go.append(len(places(held)))
    assert let_go == [4, 8, 12, 14]


@pytest.mark.requirement("C-0.55", "C-0.31")
def test_what_the_sweep_lets_go_stands_behind_what_is_still_in_line(
    held: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow: dict[str, Any] = {
        "webhook_url": "https://hooks.example.com/slow",
        "rate": {"per_minute": 1},
    }
    for user in USERS:
        held.configure(user, **slow)
    monkeypatch.setattr(releases, "MAX_RELEASED", 8)
    send(held, UNEVEN)
    assert release(held) == 8
    sweep(held)
    found = places(held)
    assert len(found) == 14
    assert found[7] > held.clock.ms, "the first ones are still in line"
    assert in_order(found, 60_000)
    send(held, USERS)
    assert in_order(places(held), 60_000)


@pytest.mark.requirement("C-0.55")
def test_a_release_that_fails_once_the_hold_is_gone_is_made_up_for_by_the_sweep(
    held: World,
) -> None:
    send(held, UNEVEN)
    databases = [held.database, *held.further]

    def opening(statements: Sequence[Statement]) -> None:
        if any("endpoint_lines" in each.sql for each in statements):
            raise DatabaseError("down")

    for database in databases:
        database.before_batch = opening
    assert held.request("DELETE", "/api/holds/webhook").status == 503
    for database in databases:
        database.before_batch = None
    assert places(held) == []
    sweep(held)
    found = places(held)
    assert len(found) == len(UNEVEN)
    assert in_order(found)
    assert found[0] == held.clock.ms
    assert found[-1] <= held.clock.ms + len(UNEVEN) * PACE_MS
    send(held, ["bob"])
    for _ in range(10):
        held.clock.ms += 10_000
        held.deliver_queues()
    assert {row["status"] for row in held.logs()} == {"sent"}


@pytest.mark.requirement("C-0.55")
def test_a_channel_that_is_switched_on_again_waits_for_no_place_that_nobody_has(
    held: World,
) -> None:
    release(held)
    held.endpoints.behave = lambda _: answer(500)
    send(held, USERS)
    held.environment["FEATURE_WEBHOOK_ENABLED"] = "false"
    held.clock.ms += SWEEP_MS
    held.deliver_queues()
    assert places(held) == []
    held.environment["FEATURE_WEBHOOK_ENABLED"] = "true"
    sweep(held)
    found = sorted(places(held))
    assert in_order(found)
    assert found[-1] == held.clock.ms + 2 * PACE_MS


@pytest.mark.requirement("C-0.55")
@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("step", ["requeued", "released"])
def test_a_database_that_does_not_answer_keeps_only_its_own_back(number: int, step: str) -> None:
    world = World(shards=3)
    for user in USERS:
        world.configure(user, webhook_url=f"https://hooks.example.com/{user}")
    hold(world)
    send(world, USERS * 2)
    for database in world.sqlites:
        database.connection.execute("DELETE FROM channel_holds")

    def down(statements: Sequence[Statement]) -> None:
        verb = "SELECT" if step == "requeued" else "UPDATE"
        if any("log.held_until" in s.sql and s.sql.lstrip().startswith(verb) for s in statements):
            raise DatabaseError("down")

    world.sqlites[number].before_batch = down
    with pytest.raises(DatabaseError):
        sweep(world)
    assert len(places(world)) == 4
    assert [line["step"] for line in world.log_sink.lines if "step" in line] == [step]
    world.sqlites[number].before_batch = None
    sweep(world)
    assert len(places(world)) == 6


@pytest.mark.requirement("C-0.55")
@pytest.mark.parametrize("number", range(3))
def test_a_line_that_cannot_be_reached_gives_no_two_of_those_let_go_one_place(number: int) -> None:
    world = World(shards=3)
    for user in USERS:
        world.configure(user)
    hold(world)
    send(world, UNEVEN)

    def down(statements: Sequence[Statement]) -> None:
        if any("INSERT INTO endpoint_lines" in each.sql for each in statements):
            raise DatabaseError("down")

    world.sqlites[number].before_batch = down
    assert release(world) == len(UNEVEN)
    assert places(world) == [world.clock.ms + PACE_MS * place for place in range(len(UNEVEN))]


@pytest.mark.requirement("C-0.31")
def test_a_batch_refuses_only_those_whose_line_cannot_be_reached() -> None:
    world = World(shards=3)
    for user in USERS:
        world.configure(user)
    world.configure("bob", webhook_url="https://hooks.example.com/free")
    world.endpoints.behave = lambda _: answer(429, **{"retry-after": "60"})
    world.send("dan")
    world.endpoints.behave = lambda _: answer(200)

    def down(statements: Sequence[Statement]) -> None:
        if any("INSERT INTO endpoint_lines" in each.sql for each in statements):
            raise DatabaseError("down")

    for database in world.sqlites:
        database.before_batch = down
    body = {
        "user_ids": list(USERS),
        "channels": ["webhook"],
        "custom_content": {"content": "Hi"},
    }
    results = world.request("POST", "/api/notifications/batch", body).json["results"]
    assert [each.get("code") for each in results] == ["DB_ERROR", None, "DB_ERROR"]
    assert len(world.logs()) == 2
