"""Two versions share the traffic: each reads what the other wrote on the queue."""

from __future__ import annotations

from typing import Any

import pytest

from tests.promise.simulated_timeline import SimulatedTimeline


def of_an_older_version(body: dict[str, Any]) -> dict[str, Any]:
    """The form without a number of its version."""
    return {name: value for name, value in body.items() if name != "v"}


def of_a_newer_version(body: dict[str, Any]) -> dict[str, Any]:
    """What a later version may add: its number, and fields that nobody knows yet."""
    return {**body, "v": 2, "attemptKey": "k", "hints": {"lane": [1, 2]}, "scheduledAt": "soon"}


@pytest.mark.requirement("C-6.6", "S4-31")
@pytest.mark.parametrize("written", [of_an_older_version, of_a_newer_version])
def test_messages_of_another_version_are_read(timeline: SimulatedTimeline, written: Any) -> None:
    for queue in (timeline.simulation.retry_queue, timeline.simulation.failed_queue):
        queue.newer = written
    timeline.endpoint("ann").down()
    timeline.at(0).push("order").at(110)
    timeline.expect("order", attempts=3, status="failed", error="moved to DLQ")
    timeline.expect_attempts("order", at=(0, 10, 40))


@pytest.mark.requirement("C-6.6")
def test_a_kind_of_message_that_this_version_does_not_know_costs_no_notification(
    timeline: SimulatedTimeline,
) -> None:
    def unknown(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "v": 3, "type": "retry_many", "logIds": [body["logId"]]}

    timeline.endpoint("ann").down(between=(0, 5))
    timeline.simulation.retry_queue.newer = unknown
    timeline.at(0).push("order").at(100).expect("order", attempts=1, status="retry")
    timeline.simulation.retry_queue.newer = None
    timeline.at(320).expect("order", attempts=2, status="sent")
