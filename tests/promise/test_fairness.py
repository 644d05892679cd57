"""One slow or dead endpoint, with however many retries, delays nobody else's channel."""

from __future__ import annotations

from collections import Counter

import pytest

from notification.delivery.endpoint_limiter import EndpointLimiter
from tests.promise.simulated_timeline import SimulatedTimeline

FLOOD = 200
ONE_ATTEMPT_S = 10
"""The longest that one attempt at the dead endpoint lasts: its timeout."""


def a_dead_endpoint_has_many_retries(timeline: SimulatedTimeline, *, concurrency: int) -> None:
    """slo's retries are all due when bea's is, and in front of it."""
    timeline.simulation.retry_queue.concurrency = concurrency
    for user in ("slo", "bea"):
        timeline.configure(user)
        timeline.endpoint(user).down(between=(0, 5))
    timeline.endpoint("slo").slow(30, between=(5, 400))
    timeline.at(0)
    for number in range(FLOOD):
        timeline.push(f"slo-{number}", to="slo")
    timeline.at(2).push("bea", to="bea")
    timeline.expect_reply("bea", 200, results=["retry_scheduled"])
    timeline.at(7)
    for waiting in timeline.simulation.retry_queue.waiting:
        waiting.due = 12
    timeline.simulation.retry_queue.wake()


@pytest.mark.requirement("B-45")
def test_the_many_retries_of_a_dead_endpoint_let_another_users_retry_pass(
    timeline: SimulatedTimeline,
) -> None:
    a_dead_endpoint_has_many_retries(timeline, concurrency=4)
    timeline.at(20).expect("bea", attempts=2, status="sent")
    timeline.expect_attempts("bea", at=(0, 10))


@pytest.mark.requirement("B-45")
def test_with_one_batch_at_a_time_another_users_retry_waits_for_one_attempt_at_most(
    timeline: SimulatedTimeline,
) -> None:
    del timeline.simulation.isolates[1:]  # each process learns for itself
    a_dead_endpoint_has_many_retries(timeline, concurrency=1)
    timeline.at(12 + ONE_ATTEMPT_S + 4).expect("bea", attempts=2, status="sent")


@pytest.mark.requirement("B-45")
def test_another_users_first_attempt_is_not_delayed(timeline: SimulatedTimeline) -> None:
    a_dead_endpoint_has_many_retries(timeline, concurrency=4)
    timeline.at(15).push("now", to="bea").at(15.5).expect("now", attempts=1, status="sent")


def test_postponed_retries_are_delivered_once_the_endpoint_recovers(
    timeline: SimulatedTimeline,
) -> None:
    a_dead_endpoint_has_many_retries(timeline, concurrency=4)
    timeline.at(3_600)
    statuses = Counter(row["status"] for row in timeline.rows("slo"))
    assert statuses.keys() <= {"sent", "failed"}
    assert statuses["sent"] > FLOOD / 2
    assert timeline.logged("lease_lost") == 0


def test_without_the_limit_the_dead_endpoint_would_delay_the_other_user(
    timeline: SimulatedTimeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EndpointLimiter, "acquire", lambda *_: 0)
    a_dead_endpoint_has_many_retries(timeline, concurrency=4)
    timeline.at(40).expect("bea", attempts=1, status="retry")


def test_a_notification_that_is_alone_with_its_slow_endpoint_keeps_its_schedule(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").slow(30)
    timeline.at(0).push("order").at(120).expect("order", attempts=3, status="failed")
    timeline.expect_attempts("order", at=(0, 20, 60))  # each attempt takes its timeout of 10 s
