"""What notifications wait for, as a scraper is told."""

from __future__ import annotations

import re
from typing import Any

import pytest

from notification.timestamps import iso
from tests.worker.endpoints import answer
from tests.worker.world import World

pytestmark = pytest.mark.requirement("C-12.2")


def samples(world: World, name: str) -> dict[str, float]:
    """The samples of a metric by their labels."""
    text = world.request("GET", "/metrics?format=prometheus").text
    found = re.findall(rf"^{name}\{{(.*)\}} (.*)$", text, re.MULTILINE)
    return {labels: float(value) for labels, value in found}


def test_each_waits_for_one_thing(world: World) -> None:
    for channel in ("webhook", "webhook:other"):
        world.configure("u1", channel)
    world.configure("u2")
    world.configure("u3")
    now = world.clock.ms
    world.send(send_at=iso(now + 60_000))
    world.endpoints.behave = lambda request: answer(500)
    fallbacks: Any = [["webhook", "webhook:other"]]
    world.send(channels=fallbacks)
    world.endpoints.behave = lambda request: answer(429, retry_after="90")
    world.send("u2")
    world.send("u2")
    until = {"until": iso(now + 3_600_000), "reason": "down"}
    world.request("PUT", "/api/holds/webhook?user_id=u3", until)
    world.send("u3")
    assert samples(world, "notification_waiting") == {
        'channel="webhook",reason="held"': 1,
        'channel="webhook",reason="planned"': 1,
        'channel="webhook",reason="retry"': 1,
        'channel="webhook",reason="throttled"': 2,
        'channel="webhook:other",reason="fallback"': 1,
    }


def test_a_line_is_told_with_its_length_in_time(world: World) -> None:
    for user in ("u1", "u2"):
        world.configure(user, webhook_url=f"https://hooks.example.com/{user}")
        world.endpoints.behave = lambda request: answer(429, retry_after="90")
        world.send(user)
    world.send("u1")
    lines, seconds = (
        samples(world, f"notification_endpoint_{name}") for name in ("lines", "line_seconds")
    )
    assert lines == {'channel="webhook"': 2}
    # Two places at u1's, 200 ms apart, behind the wait that was asked for.
    assert seconds == {'channel="webhook"': 90.4}
    world.clock.ms += 91_000
    assert samples(world, "notification_endpoint_lines") == {}


def test_a_planned_one_that_was_attempted_waits_for_its_retry(world: World) -> None:
    world.configure()
    world.send(send_at=iso(world.clock.ms + 60_000))
    world.endpoints.behave = lambda request: answer(500)
    world.clock.ms += 61_000
    world.deliver_queues()
    assert samples(world, "notification_waiting") == {'channel="webhook",reason="retry"': 1}
