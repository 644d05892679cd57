"""What failed notifications leave in an isolate's memory."""

from __future__ import annotations

import gc
from collections import Counter

from notification.delivery.endpoint_limiter import EndpointLimiter
from tests.promise.simulated_timeline import SimulatedTimeline

KEPT_BY_THE_SIMULATION = {"HomeStatement", "OutboundRequest", "Statement"}
"""What arrived at endpoints and at the database is kept for the tests' questions."""
RUN_S = 120
EACH = 20


def fail(timeline: SimulatedTimeline, start: int, names: list[str]) -> None:
    """A notification to each recipient that fails for good, with every retry."""
    timeline.at(start)
    for name in names:
        timeline.push(f"{name} at {start}", to=name)
    timeline.at(start + RUN_S)
    for name in names:
        timeline.expect(f"{name} at {start}", attempts=3, status="failed")


def ours() -> Counter[str]:
    """Living objects of the service's classes."""
    gc.collect()
    kinds = (type(found) for found in gc.get_objects())
    names = Counter(k.__name__ for k in kinds if str(k.__module__).startswith("notification."))
    return Counter({n: c for n, c in names.items() if n not in KEPT_BY_THE_SIMULATION})


def recipients(timeline: SimulatedTimeline) -> list[str]:
    """Twenty whose endpoints are dead."""
    names = [f"user{number}" for number in range(EACH)]
    for name in names:
        timeline.configure(name)
        timeline.endpoint(name).down()
    return names


def test_a_notification_that_failed_leaves_nothing_in_memory(timeline: SimulatedTimeline) -> None:
    names = recipients(timeline)
    fail(timeline, 10, names)
    before = ours()
    fail(timeline, 1_000, names)
    grown = ours() - before
    assert {kind: count for kind, count in grown.items() if count >= EACH} == {}


def test_a_failing_attempt_leaves_no_cycle_to_the_collector(timeline: SimulatedTimeline) -> None:
    """A cycle would hold JavaScript's objects for as long as the collector takes its time."""
    names = recipients(timeline)
    fail(timeline, 10, names)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        fail(timeline, 1_000, names)
        gc.collect()
        kinds = Counter(str(type(found).__module__) for found in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert sum(count for kind, count in kinds.items() if kind.startswith("notification.")) == 0


def test_the_endpoint_limiter_is_bounded_even_if_attempts_never_end() -> None:
    limiter = EndpointLimiter()
    for number in range(5_000):
        assert limiter.acquire(f"user{number} webhook", now_ms=number) == 0
    assert len(limiter._endpoints) <= 1_000


def test_an_attempt_that_ended_with_its_process_keeps_no_endpoint_in_memory() -> None:
    limiter = EndpointLimiter()
    for number in range(999):
        limiter.acquire(f"user{number} webhook", now_ms=0)
    limiter.acquire("alive", now_ms=100_000)
    limiter.acquire("new", now_ms=100_001)
    assert set(limiter._endpoints) == {"alive", "new"}
