"""An attempt that ends its process: counted before the next one, and not made a third time."""

from __future__ import annotations

import json

import pytest

from tests.promise.simulated_timeline import SimulatedTimeline


def die(timeline: SimulatedTimeline, second: float) -> None:
    """Let the process end while an attempt at ann is under way."""
    while timeline.simulation.now < second + 1_000:
        before = len(timeline.attempts())
        timeline.at(timeline.simulation.now + 1)
        if len(timeline.attempts()) > before:
            timeline.kill()
            return
    raise AssertionError("no attempt was made")


@pytest.mark.requirement("C-0.4")
def test_the_second_death_of_a_notification_ends_it(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").slow(8)
    timeline.at(0).push("order").at(1)
    timeline.kill()
    die(timeline, 1)
    timeline.at(2_500).expect("order", attempts=2, status="failed", retries=0)
    row = timeline.row("order")
    assert row["last_error_code"] == "INTERRUPTED"
    assert "interrupted 2 times" in row["error"]
    assert [a["code"] for a in json.loads(row["attempts"])] == ["INTERRUPTED"] * 2
    assert timeline.logged("dead_letter") == 1


@pytest.mark.requirement("C-0.4", "C-0.6")
def test_one_death_is_shown_among_the_attempts_and_spends_no_retry(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").slow(8, between=(0, 5))
    timeline.at(0).push("order").at(1)
    timeline.kill()
    timeline.at(1_000).expect("order", attempts=2, status="sent", retries=0)
    first, second = json.loads(timeline.row("order")["attempts"])
    assert (first["code"], first["outcome"], first["status_code"]) == (
        "INTERRUPTED",
        "broken",
        None,
    )
    assert first["at"] == timeline.row("order")["created_at"]
    assert second["status_code"] == 200


@pytest.mark.requirement("C-0.4")
def test_the_first_attempt_after_a_redrive_is_made(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").slow(8, between=(0, 2_000))
    timeline.at(0).push("order").at(1)
    timeline.kill()
    die(timeline, 1)
    timeline.at(2_500).expect("order", status="failed")
    timeline.call("again", "POST", "/api/notifications/retry", {"user_id": "ann"})
    timeline.expect_reply("again", 200).at(2_600).expect("order", attempts=3, status="sent")
