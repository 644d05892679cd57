"""How many attempts one isolate makes at one endpoint at a time."""

from __future__ import annotations

from notification.channels.channel import Pace
from notification.delivery import endpoint_limiter
from notification.delivery.endpoint_limiter import (
    MAX_OTHERWISE,
    MAX_REST_MS,
    MAX_WHILE_QUICK,
    QUICK_MS,
    EndpointLimiter,
)

NOW = 1_000_000
FULL_MS, SLOW_MS, LOST_MS = 1_000, 5_000, 60_000


def acquired(limiter: EndpointLimiter, now_ms: int, most: int = 30) -> int:
    """How many attempts at one endpoint the limiter lets begin at a moment."""
    answers = [limiter.acquire("e", now_ms) for _ in range(most)]
    assert set(answers) <= {0, FULL_MS}
    return answers.count(0)


def test_an_unknown_endpoint_gets_four_attempts_all_in_one_batch() -> None:
    limiter = EndpointLimiter()
    assert acquired(limiter, NOW, 3) == 3
    # A second batch waits for what the first one finds.
    assert limiter.acquire("e", NOW + 1) == FULL_MS
    assert acquired(limiter, NOW, 5) == MAX_OTHERWISE - 3
    assert limiter.acquire("other", NOW + 1) == 0


def test_a_quick_one_gets_ten_from_any_batch() -> None:
    limiter = EndpointLimiter()
    assert limiter.acquire("e", NOW) == 0
    limiter.release("e", NOW, NOW + QUICK_MS)
    later = NOW + QUICK_MS
    assert acquired(limiter, later, 5) == 5
    assert acquired(limiter, later + 1, 10) == MAX_WHILE_QUICK - 5


def test_an_attempt_under_way_for_more_than_a_second_holds_the_others_back() -> None:
    limiter = EndpointLimiter()
    limiter.acquire("e", NOW)
    limiter.release("e", NOW, NOW)
    limiter.acquire("e", NOW)
    assert limiter.acquire("e", NOW + QUICK_MS) == 0
    assert limiter.acquire("e", NOW + QUICK_MS + 1) == SLOW_MS


def test_a_slow_one_rests_for_as_long_as_it_took() -> None:
    limiter = EndpointLimiter()
    limiter.acquire("e", NOW)
    ended = NOW + QUICK_MS + 1
    limiter.release("e", NOW, ended)
    assert limiter.acquire("e", ended) == QUICK_MS + 1
    assert limiter.acquire("e", ended + 1_000) == 1
    assert acquired(limiter, ended + QUICK_MS + 1, 10) == MAX_OTHERWISE


def test_a_rest_is_no_longer_than_a_second_retrys_wait() -> None:
    limiter = EndpointLimiter()
    limiter.acquire("e", NOW)
    limiter.release("e", NOW, NOW + 50_000)
    assert limiter.acquire("e", NOW + 50_000) == MAX_REST_MS
    assert limiter.acquire("e", NOW + 50_000 + MAX_REST_MS) == 0


def test_an_attempt_that_was_not_made_takes_no_place() -> None:
    limiter = EndpointLimiter()
    assert acquired(limiter, NOW, 4) == 4
    limiter.cancel("e", NOW)
    limiter.cancel("e", NOW + 5)
    limiter.cancel("unknown", NOW)
    limiter.release("unknown", NOW, NOW)
    assert acquired(limiter, NOW, 2) == 1


def test_an_attempt_whose_invocation_died_is_forgotten_after_its_lease() -> None:
    limiter = EndpointLimiter()
    assert acquired(limiter, NOW, 4) == 4
    assert limiter.acquire("e", NOW + LOST_MS - 1) == SLOW_MS
    assert limiter.acquire("e", NOW + LOST_MS) == 0


def test_a_pace_lets_its_burst_go_and_then_one_at_each_interval() -> None:
    limiter, pace = EndpointLimiter(), Pace(1_000, 3)
    for _ in range(3):
        assert limiter.pace_wait_ms("e", pace, NOW) == 0
        limiter.take_pace("e", pace, NOW)
    assert limiter.pace_wait_ms("e", pace, NOW) == 1_000
    assert limiter.pace_wait_ms("e", pace, NOW + 999) == 1
    assert limiter.pace_wait_ms("e", pace, NOW + 1_000) == 0
    # After a rest there is no more than one burst.
    assert limiter.pace_wait_ms("e", pace, NOW + 60_000) == 0
    for _ in range(3):
        limiter.take_pace("e", pace, NOW + 60_000)
    assert limiter.pace_wait_ms("e", pace, NOW + 60_000) == 1_000


def test_of_many_endpoints_the_idle_ones_are_forgotten_first() -> None:
    limiter = EndpointLimiter()
    known = endpoint_limiter._MAX_KNOWN
    limiter.acquire("busy", NOW)
    for number in range(known - 1):
        limiter.acquire(f"e{number}", NOW)
        limiter.cancel(f"e{number}", NOW)
    assert len(limiter._endpoints) == known
    limiter.acquire("new", NOW)
    assert set(limiter._endpoints) == {"busy", "new"}
    for number in range(known):
        limiter.acquire(f"full{number}", NOW)
    assert len(limiter._endpoints) == known
    assert "busy" not in limiter._endpoints
    assert f"full{known - 1}" in limiter._endpoints
