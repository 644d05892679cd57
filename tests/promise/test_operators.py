"""What operators do to notifications, while queues, cron and attempts go on."""

from __future__ import annotations

import pytest

from tests.promise.simulated_timeline import SimulatedTimeline

DAY = 86_400


def redrive(timeline: SimulatedTimeline, name: str, *, times: int = 1) -> None:
    """Ask for a manual retry, `times` times at once."""
    body = {"log_id": timeline.row(name)["id"]}
    for _ in range(times):
        timeline.call("redrive", "POST", "/api/notifications/retry", body)


@pytest.mark.requirement("C-6.4")
def test_a_redriven_notification_gets_all_its_attempts_again(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down(between=(0, 1010))
    timeline.at(0).push("order").at(60).expect("order", attempts=3, status="failed")
    timeline.at(1000)
    redrive(timeline, "order")
    timeline.at(1060).expect("order", attempts=5, status="sent", retries=1)
    assert len({a.message_id for a in timeline.attempts_of("order")}) == 1


@pytest.mark.requirement("B-05")
def test_simultaneous_manual_retries_send_once(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down(between=(0, 100))
    timeline.at(0).push("order").at(200).expect("order", attempts=3, status="failed")
    redrive(timeline, "order", times=5)
    timeline.at(900).expect("order", attempts=4, status="sent")


@pytest.mark.parametrize("wait", [1, 100, 250, 299])
def test_an_old_redriven_notification_is_attempted_before_it_is_given_up(
    timeline: SimulatedTimeline, wait: int
) -> None:
    timeline.endpoint("ann").down(between=(0, 100))
    timeline.at(0).push("order").at(60).expect("order", status="failed")
    timeline.at(2 * DAY - 600 + wait)
    timeline.endpoint("ann").down(between=(2 * DAY - 600, 2 * DAY - 600 + wait + 20))
    redrive(timeline, "order")
    timeline.at(2 * DAY + 600).expect("order", status="sent")


@pytest.mark.requirement("C-7")
def test_what_could_not_be_delivered_for_a_day_fails_visibly(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").down()
    timeline.at(0).queue_is_down().push("order")
    timeline.at(DAY - 600).expect("order", attempts=1, status="retry")
    timeline.at(DAY + 900).expect("order", status="failed", error="Not delivered within 24 hours")


@pytest.mark.requirement("C-7")
def test_a_first_attempt_that_was_unfinished_for_a_day_fails_visibly(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").slow(5)
    timeline.at(0).push("order").at(1).kill()
    timeline.simulation.cron_runs = False
    timeline.at(DAY + 300).expect("order", attempts=1, status="pending")
    timeline.simulation.cron_runs = True
    timeline.at(DAY + 1_300).expect("order", attempts=1, status="failed")
    timeline.expect("order", error="Not delivered within 24 hours")
    assert timeline.logged("dead_letter") == 1


@pytest.mark.parametrize("as_failed", [True, False])
def test_an_attempt_that_outlives_its_lease_revives_nothing_that_was_ended(
    timeline: SimulatedTimeline, as_failed: bool
) -> None:
    timeline.endpoint("ann").down(between=(0, 5))
    timeline.endpoint("ann").slow(12, between=(5, 60))
    timeline.at(0).push("order").at(13).expect("order", attempts=2, status="retry")
    timeline.simulation.clock.jumped_ms += 61_000
    timeline.call("clear", "POST", "/api/queue/clear-retries", {"markAsFailed": as_failed})
    ended = "failed" if as_failed else "cancelled"
    timeline.expect("order", status=ended)
    timeline.at(900).expect("order", attempts=2, status=ended)


def test_a_caller_is_told_sent_only_if_the_row_is_sent(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").slow(8, between=(0, 5))
    timeline.at(0).push("order").at(1)
    timeline.endpoint("ann").down(between=(1, 8), status=404)
    timeline.simulation.clock.jumped_ms += 125_000
    timeline.simulation.loop.run_until_complete(timeline.simulation.run_cron_once())
    timeline.at(20).expect("order", status="failed")
    timeline.expect_reply("order", 200, results=["pending"])
