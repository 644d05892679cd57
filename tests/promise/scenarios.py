"""Stories that hold on every driver: under CPython and on the real runtime."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.timeline import Timeline

Scenario = Callable[[Timeline], None]


def a_dead_endpoint_gets_three_requests_and_its_row_ends_failed(timeline: Timeline) -> None:
    timeline.endpoint("ann").down()
    timeline.at(0).push("order", to="ann")
    timeline.expect_reply("order", 200, results=["retry_scheduled"])
    timeline.at(6).expect("order", attempts=1, status="retry", retries=1)
    timeline.at(20).expect("order", attempts=2, status="retry", retries=2)
    timeline.at(70).expect("order", attempts=3, status="failed", retries=2)
    timeline.at(110).expect("order", attempts=3, error="moved to DLQ")
    timeline.expect("order", error="HTTP 500")
    timeline.expect_attempts("order", at=(0, 10, 40))


def an_endpoint_that_comes_back_gets_it_once(timeline: Timeline) -> None:
    timeline.endpoint("ann").down(between=(0, 25))
    timeline.at(0).push("order", to="ann")
    timeline.at(22).expect("order", attempts=2, status="retry")
    timeline.at(70).expect("order", attempts=3, status="sent")
    timeline.expect_attempts("order", at=(0, 10, 40))


def a_channel_that_has_confirmed_is_left_alone_when_another_is_tried_again(
    timeline: Timeline,
) -> None:
    timeline.configure("ann", "slack")
    timeline.endpoint("ann", "slack").down(between=(0, 5))
    timeline.at(0).push("order", to="ann", channels=("webhook", "slack"))
    timeline.expect_reply("order", 200, results=["sent", "retry_scheduled"])
    timeline.at(20).expect("order", channel="slack", attempts=2, status="sent")
    timeline.expect("order", channel="webhook", attempts=1, status="sent")


def one_slow_endpoint_in_a_batch_of_retries_delays_no_other(timeline: Timeline) -> None:
    users = ("bea", "cid", "slo", "dan")
    for user in users:
        timeline.configure(user)
        timeline.endpoint(user).down(between=(0, 5))
    timeline.endpoint("slo").slow(8, between=(5, 600))
    timeline.at(0)
    for user in users:
        timeline.push(user, to=user)
    for user in users:
        timeline.expect_reply(user, 200, results=["retry_scheduled"])
    timeline.at(20)
    for user in ("bea", "cid", "dan"):
        timeline.expect(user, attempts=2, status="sent")
    timeline.at(40).expect("slo", attempts=2, status="sent")
    others = [timeline.row(user)["sent_at"] for user in ("bea", "cid", "dan")]
    assert max(others) < timeline.row("slo")["sent_at"]


def what_the_queue_forgets_the_sweep_finds(timeline: Timeline) -> None:
    timeline.endpoint("ann").down(between=(0, 5))
    timeline.at(0).push("order", to="ann")
    timeline.expect_reply("order", 200, results=["retry_scheduled"])
    timeline.queue_forgets()
    timeline.at(60).expect("order", attempts=1, status="retry")
    timeline.at(620).expect("order", attempts=2, status="sent")


def a_process_that_ends_during_the_first_attempt_loses_nothing(timeline: Timeline) -> None:
    timeline.endpoint("ann").slow(5, between=(0, 30))
    timeline.at(0).push("order", to="ann", key="k1")
    timeline.at(1).expect("order", attempts=1, status="pending")
    timeline.kill().queue_forgets()
    assert timeline.reply("order").status not in range(200, 300)
    timeline.at(620).expect("order", attempts=2, status="sent")
    timeline.push("again", to="ann", key="k1", again="order")
    timeline.expect_reply("again", 200, results=["sent"])
    timeline.expect("order", attempts=2, status="sent")


ON_BOTH = (
    pytest.param(
        a_dead_endpoint_gets_three_requests_and_its_row_ends_failed,
        marks=pytest.mark.requirement("B-01"),
    ),
    an_endpoint_that_comes_back_gets_it_once,
    pytest.param(
        a_channel_that_has_confirmed_is_left_alone_when_another_is_tried_again,
        marks=pytest.mark.requirement("C-6.2"),
    ),
    pytest.param(
        one_slow_endpoint_in_a_batch_of_retries_delays_no_other,
        marks=pytest.mark.requirement("B-45"),
    ),
    pytest.param(what_the_queue_forgets_the_sweep_finds, marks=pytest.mark.requirement("B-43")),
    pytest.param(
        a_process_that_ends_during_the_first_attempt_loses_nothing,
        marks=pytest.mark.requirement("B-02"),
    ),
)
