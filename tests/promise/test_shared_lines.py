"""Recipients of several databases in one line: nobody's death gives a place away twice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from notification.placement import shard_of
from notification.timestamps import from_iso
from tests.promise.isolate import Cut
from tests.promise.simulated_database import Failure
from tests.promise.simulated_timeline import address
from tests.promise.simulation import Request, Simulation
from tests.timeline import Spell

USERS = ("dan", "bob", "u3")
"""One of each of three databases."""
SHARED = address("all", "webhook")
PACE_MS = 200


@pytest.fixture
def throttled() -> Iterator[Simulation]:
    """Three databases whose recipients share an endpoint that has just asked for time."""
    assert sorted(shard_of(user, 3) for user in USERS) == [0, 1, 2]
    with Simulation(shards=3) as simulation:
        for user in USERS:
            config = {"webhook_url": f"https://{SHARED}"}
            body = {"user_id": user, "channel_type": "webhook", "config_data": config}
            assert simulation.request("POST", "/api/user-configs", body).status == 201
        simulation.endpoints.plan(SHARED, Spell(0, float("inf"), 429, retry_after="600"))
        send(simulation, "dan")
        yield simulation


def send(simulation: Simulation, *users: str) -> None:
    content = {"channels": ["webhook"], "custom_content": {"content": "Hi"}}
    if len(users) == 1:
        simulation.request("POST", "/api/notifications/send", {**content, "user_id": users[0]})
    else:
        body = {**content, "user_ids": list(users)}
        simulation.request("POST", "/api/notifications/batch", body)


def begin(simulation: Simulation, user: str) -> Request:
    body = {"channels": ["webhook"], "custom_content": {"content": "Hi"}, "user_id": user}
    return simulation.begin("POST", "/api/notifications/send", body)


def places(simulation: Simulation) -> list[int]:
    """When the rows are due, by their age."""
    rows = simulation.logs()
    assert {row["status"] for row in rows} == {"retry"}
    return [from_iso(row["next_retry_at"]) for row in rows]


def test_nobody_dies_and_no_place_stays_empty(throttled: Simulation) -> None:
    for users in (("bob",), ("u3",), USERS * 2, ("dan",)):
        send(throttled, *users)
    taken = places(throttled)
    assert sorted(taken) == [taken[0] + PACE_MS * n for n in range(10)]


@pytest.mark.requirement("C-0.31")
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("call", range(1, 13))
@pytest.mark.parametrize("dying", [("bob",), USERS], ids=["send", "batch"])
def test_a_death_at_any_call_leaves_a_place_empty_and_gives_none_twice(
    throttled: Simulation, dying: tuple[str, ...], call: int, after: bool
) -> None:
    for isolate in throttled.isolates:
        isolate.cut = Cut(call, after)
    try:
        send(throttled, *dying)
    except AssertionError:
        assert throttled.living().alive
    for isolate in throttled.isolates:
        isolate.cut = None
    assert_later_ones_stand_behind(throttled)


def assert_later_ones_stand_behind(throttled: Simulation) -> None:
    for users in (("u3",), ("dan", "bob"), ("bob",)):
        throttled.pass_time(0.1)
        send(throttled, *users)
    taken = places(throttled)
    assert len(taken) >= 5
    assert len(set(taken)) == len(taken)
    ordered = sorted(taken)
    assert all(b - a >= PACE_MS for a, b in pairwise(ordered))
    # Who came after the trouble stands behind whoever was there before it.
    assert taken[-1] == ordered[-1]


@pytest.mark.requirement("C-0.31")
@pytest.mark.parametrize(
    "committed", [False, True], ids=["nothing is written", "the answer is lost"]
)
@pytest.mark.parametrize("call", range(1, 13))
@pytest.mark.parametrize("unlucky", [("bob",), USERS], ids=["send", "batch"])
def test_a_database_that_fails_at_any_call_gives_no_place_twice(
    throttled: Simulation, unlucky: tuple[str, ...], call: int, committed: bool
) -> None:
    begun = [begin(throttled, user) for user in USERS]
    throttled.failures.following = Failure(call, committed)
    send(throttled, *unlucky)
    throttled.failures.following = None
    throttled.pass_time(5)
    assert all(request.answer is not None for request in begun)
    assert_later_ones_stand_behind(throttled)


@pytest.mark.requirement("C-0.31")
def test_sends_at_the_same_time_take_places_of_their_own(throttled: Simulation) -> None:
    requests = [begin(throttled, user) for user in USERS * 4]
    throttled.pass_time(5)
    assert all(request.answer is not None for request in requests)
    taken = sorted(places(throttled))
    assert taken == [taken[0] + PACE_MS * n for n in range(13)]
