"""Throttled notifications: they wait, spend no retry, and end with their 24 hours."""

from __future__ import annotations

import json

import pytest

from tests.promise.simulated_timeline import SimulatedTimeline

HOUR = 3_600
DAY = 24 * HOUR


@pytest.mark.requirement("C-0.30")
def test_a_throttled_notification_waits_as_told_and_spends_no_retry(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").down(between=(0, 295), status=429, retry_after="30")
    timeline.at(0).push("order").expect_reply("order", 200, results=["retry_scheduled"])
    timeline.at(280).expect("order", status="retry", retries=0)
    timeline.at(400).expect("order", status="sent", retries=0)
    assert len(timeline.attempts_of("order")) > 5
    assert timeline.logged("dead_letter") == 0


@pytest.mark.requirement("C-0.30")
def test_throttling_leaves_the_retries_for_what_breaks_later(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down(between=(100, 10_000))
    timeline.endpoint("ann").down(between=(0, 100), status=429, retry_after="25")
    timeline.at(0).push("order").at(99).expect("order", status="retry", retries=0)
    timeline.at(400).expect("order", status="failed", retries=2, error="HTTP 500")


@pytest.mark.requirement("C-0.30")
def test_without_a_told_wait_the_waits_grow_to_five_minutes(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down(between=(0, 850), status=429)
    timeline.at(0).push("order").at(1_200).expect("order", status="sent", retries=0)
    timeline.expect_attempts("order", at=(0, 10, 40, 100, 400, 700, 1_000))


@pytest.mark.requirement("C-0.30")
def test_a_throttled_notification_ends_after_exactly_24_hours(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").down(status=429, retry_after="3600")
    timeline.at(0).push("order")
    timeline.at(DAY - 5).expect("order", status="retry", retries=0)
    calls = len(timeline.attempts_of("order"))
    assert 22 <= calls <= 24
    timeline.at(DAY + 10).expect("order", status="failed", error="Not delivered within 24 hours")
    timeline.expect("order", attempts=calls, error="HTTP 429")
    assert timeline.row("order")["last_error_code"] == "EXPIRED"
    assert timeline.logged("dead_letter") == 1


@pytest.mark.requirement("C-0.30")
def test_a_wait_that_goes_beyond_the_24_hours_ends_with_them(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down(status=429, retry_after="86400")
    timeline.at(10 * HOUR + 1).push("order").at(34 * HOUR - 10).expect("order", status="retry")
    timeline.at(34 * HOUR + 10).expect("order", attempts=1, status="failed", error="24 hours")


@pytest.mark.requirement("C-0.30", "C-0.7")
def test_a_redriven_notification_has_24_hours_of_its_own(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down(between=(0, 5), status=404)
    timeline.endpoint("ann").down(between=(30 * HOUR, 40 * HOUR), status=429, retry_after="3600")
    timeline.at(0).push("order").at(31 * HOUR)
    timeline.call("again", "POST", "/api/notifications/retry", {"user_id": "ann"})
    timeline.expect_reply("again", 200).at(39 * HOUR).expect("order", status="retry", retries=0)
    timeline.at(42 * HOUR).expect("order", status="sent")


@pytest.mark.requirement("C-0.30")
def test_each_attempt_tells_its_outcome_and_no_control_characters(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").down(between=(0, 5), status=429, retry_after="9")
    timeline.endpoint("ann").down(between=(5, 15), status=408)
    timeline.at(0).push("order").at(60).expect("order", attempts=3, status="sent")
    outcomes = [a.get("outcome") for a in json.loads(timeline.row("order")["attempts"])]
    assert outcomes == ["throttled", "broken", None]
