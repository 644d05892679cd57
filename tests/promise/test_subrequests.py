"""No invocation calls out more often than the platform's free plan lets it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from notification.delivery.retry_choice import MAX_SUBREQUESTS
from tests.promise.simulated_timeline import SimulatedTimeline
from tests.timeline import Spell

LARGEST = 100
"""The largest batch that a queue's consumer can be set to."""
KEY_PAGES = 10
"""The pages of keys that the hourly figures count at most, in calls that no port here sees."""


def most(timeline: SimulatedTimeline, invocation: str) -> int:
    return max(n for name, n in timeline.simulation.subrequests if name == invocation)


def all_due_at(timeline: SimulatedTimeline, second: float) -> None:
    assert len(timeline.simulation.retry_queue.waiting) >= 10
    for waiting in timeline.simulation.retry_queue.waiting:
        waiting.due = second
    timeline.simulation.retry_queue.wake()


@pytest.mark.requirement("C-0.26")
@pytest.mark.parametrize(
    ("timeline", "batch"), [(1, 10), (1, LARGEST), (3, 10), (3, LARGEST)], indirect=["timeline"]
)
def test_a_batch_of_failing_retries_stays_below_the_limit(
    timeline: SimulatedTimeline, batch: int
) -> None:
    timeline.simulation.retry_queue.batch = timeline.simulation.failed_queue.batch = batch
    users = [f"user{number}" for number in range(batch)]
    for user in users:
        timeline.configure(user)
        timeline.endpoint(user).down()
    timeline.at(30)
    for user in users:
        timeline.push(user, to=user)
    timeline.at(35)
    all_due_at(timeline, 42)
    timeline.at(600)
    for user in users:
        timeline.expect(user, attempts=3, status="failed", error="moved to DLQ")
    assert 3 * min(batch, 10) <= most(timeline, "retry-queue") <= MAX_SUBREQUESTS
    assert most(timeline, "failed-queue") <= MAX_SUBREQUESTS


def telegram(number: int) -> tuple[dict[str, Any], str]:
    """A configuration, and the endpoint that it leads to."""
    token = f"{number}23456:a-token-of-some-length-here"
    return {"bot_token": token, "chat_id": "42"}, f"api.telegram.org/bot{token}/sendMessage"


def discord(number: int) -> tuple[dict[str, Any], str]:
    place = f"discord.com/api/webhooks/{number}/token"
    return {"webhook_url": f"https://{place}"}, place


def ntfy(number: int) -> tuple[dict[str, Any], str]:
    return {"server": f"https://n{number}.example.com", "topic": "t"}, f"n{number}.example.com/"


@pytest.mark.requirement("C-0.26")
@pytest.mark.parametrize("channel", [telegram, discord, ntfy])
def test_a_batch_of_long_texts_in_many_parts_stays_below_the_limit(
    timeline: SimulatedTimeline, channel: Callable[[int], tuple[dict[str, Any], str]]
) -> None:
    simulation = timeline.simulation
    for number in range(10):
        config, endpoint = channel(number)
        body = {
            "user_id": f"u{number}",
            "channel_type": channel.__name__,
            "config_data": {**config, "split_long": True},
        }
        assert simulation.request("POST", "/api/user-configs", body).status == 201
        simulation.endpoints.plan(endpoint, Spell(0, 35, status=500))
    timeline.at(30)
    for number in range(10):
        simulation.begin(
            "POST",
            "/api/notifications/send",
            {
                "user_id": f"u{number}",
                "channels": [channel.__name__],
                "custom_content": {"content": f"push{number}end " + "word " * 5_000},
            },
        )
    timeline.at(35)
    all_due_at(timeline, 42)
    timeline.at(600)
    assert {row["status"] for row in simulation.logs()} == {"sent"}
    assert len(simulation.endpoints.arrivals) >= 40
    assert 15 <= most(timeline, "retry-queue") <= MAX_SUBREQUESTS


@pytest.mark.requirement("C-0.26")
def test_the_cron_after_an_outage_stays_below_the_limit(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down()
    timeline.at(0).queue_is_down()
    timeline.simulation.cron_runs = False
    for number in range(1_100):
        timeline.push(f"order-{number}")
    timeline.at(10)
    timeline.queue_is_down(False)
    timeline.at(3_700)
    timeline.simulation.loop.run_until_complete(timeline.simulation.run_cron_once())
    assert 10 < most(timeline, "cron") <= MAX_SUBREQUESTS - KEY_PAGES
