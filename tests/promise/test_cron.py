"""The cron's sign of life, clocks that jump under the sweep, and alerts about dead letters."""

from __future__ import annotations

from typing import Any

import pytest

from tests.promise.simulated_timeline import SimulatedTimeline, address
from tests.timeline import UNREACHABLE, Spell

HOUR = 3_600


def health(timeline: SimulatedTimeline) -> tuple[int, list[str]]:
    answer = timeline.simulation.request("GET", "/health")
    return answer.status, [error["code"] for error in answer.json.get("errors", [])]


@pytest.mark.requirement("C-2.6")
def test_health_turns_unhealthy_when_the_cron_stops_and_recovers_with_it(
    timeline: SimulatedTimeline,
) -> None:
    timeline.at(200)
    assert health(timeline) == (200, [])
    timeline.at(1_210)
    assert health(timeline) == (200, [])
    timeline.simulation.cron_runs = False
    timeline.at(1_200 + 890)
    assert health(timeline) == (200, [])
    timeline.at(1_200 + 910)
    assert health(timeline) == (503, ["CRON_STOPPED"])
    timeline.simulation.cron_runs = True
    timeline.at(2_500)
    assert health(timeline) == (200, [])


@pytest.mark.requirement("C-2.6")
def test_a_run_by_hand_is_no_sign_of_life_of_the_cron(timeline: SimulatedTimeline) -> None:
    timeline.simulation.cron_runs = False
    body = {"taskName": "data_cleanup"}
    assert timeline.simulation.request("POST", "/api/scheduled-tasks/trigger", body).status == 200
    timeline.at(HOUR)
    assert health(timeline) == (200, [])


def interrupted(timeline: SimulatedTimeline, name: str) -> None:
    """Leave a first attempt without an end, and nothing on the queue."""
    timeline.endpoint("ann").slow(5, between=(timeline.simulation.now, timeline.simulation.now + 9))
    timeline.push(name).at(timeline.simulation.now + 1)
    timeline.kill()
    timeline.expect(name, attempts=1, status="pending")


@pytest.mark.requirement("B-43")
@pytest.mark.parametrize("jump_s", [150, 700, 2 * HOUR])
def test_a_clock_that_was_ahead_during_a_sweep_hides_no_row_from_later_sweeps(
    timeline: SimulatedTimeline, jump_s: int
) -> None:
    clock = timeline.simulation.clock
    timeline.at(10)
    clock.jumped_ms += jump_s * 1_000
    timeline.simulation.loop.run_until_complete(timeline.simulation.run_cron_once())
    clock.jumped_ms -= jump_s * 1_000
    timeline.at(20)
    interrupted(timeline, "order")
    timeline.at(HOUR + 900).expect("order", attempts=2, status="sent")


@pytest.mark.requirement("B-43")
def test_a_row_that_a_slow_clock_wrote_behind_the_sweep_is_found_within_the_hour(
    timeline: SimulatedTimeline,
) -> None:
    timeline.at(HOUR + 610)
    timeline.simulation.clock.jumped_ms -= 1_000_000
    interrupted(timeline, "order")
    timeline.simulation.clock.jumped_ms += 1_000_000
    timeline.at(HOUR + 1_300).expect("order", attempts=1, status="pending")
    timeline.at(2 * HOUR + 300).expect("order", attempts=2, status="sent")


def operators_are(timeline: SimulatedTimeline, user: str) -> None:
    timeline.configure(user)
    timeline.simulation.sqlite.connection.execute(
        "INSERT INTO system_configs (config_key, config_value) VALUES ('alert_user_id', ?)"
        " ON CONFLICT (config_key) DO UPDATE SET config_value = excluded.config_value",
        (user,),
    )


def alerts(timeline: SimulatedTimeline) -> list[dict[str, Any]]:
    return [row for row in timeline.rows("ops") if "failed for good" in row["content"]]


@pytest.mark.requirement("C-6.6")
def test_the_operators_are_alerted_at_once_and_then_not_for_an_hour(
    timeline: SimulatedTimeline,
) -> None:
    operators_are(timeline, "ops")
    timeline.endpoint("ann").down()
    for second, name in ((0, "one"), (2, "two"), (300, "three")):
        timeline.at(max(second, timeline.simulation.now)).push(name)
    timeline.at(150 + 300)
    [alert] = alerts(timeline)
    assert alert["status"] == "sent"
    assert "webhook to ann" in alert["content"]
    timeline.at(HOUR + 600).push("four").at(HOUR + 700)
    assert len(alerts(timeline)) == 2


@pytest.mark.requirement("C-6.6")
def test_an_alert_that_fails_causes_no_alert(timeline: SimulatedTimeline) -> None:
    operators_are(timeline, "ops")
    for user in ("ann", "ops"):
        spell = Spell(0, float("inf"), status=UNREACHABLE)
        timeline.simulation.endpoints.plan(address(user, "webhook"), spell)
    timeline.at(1).push("order").at(5 * HOUR)
    [alert] = alerts(timeline)
    assert alert["status"] == "failed"
