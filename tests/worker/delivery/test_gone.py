"""Operators are told of an endpoint that is gone: once, whoever finds it."""

from __future__ import annotations

from typing import Any

import pytest

from notification.delivery.dead_letter_consumer import tell_of_gone
from notification.logging import Log
from notification.ports.outbound import OutboundAnswer, OutboundRequest
from notification.tasks.operator_alert import OperatorAlert
from notification.timestamps import HOUR_MS
from tests.worker.endpoints import answer
from tests.worker.world import World

OPS = "https://ops.example.com/alerts"


@pytest.fixture
def gone(world: World) -> World:
    """A recipient whose endpoint is gone, and operators."""
    world.clock.ms += 123_457
    world.configure("u2")
    world.configure("ops", webhook_url=OPS)
    world.database.connection.execute(
        "INSERT INTO system_configs (config_key, config_value) VALUES ('alert_user_id', 'ops')"
    )

    def behave(request: OutboundRequest) -> OutboundAnswer:
        return answer() if request.url == OPS else answer(410, "gone")

    world.endpoints.behave = behave
    return world


def told(world: World) -> list[str]:
    return [
        str(body["content"])
        for (_, request), body in zip(world.endpoints.received, world.endpoints.bodies, strict=True)
        if request.url == OPS and str(body["content"]).startswith("Endpoints were")
    ]


def test_the_queues_consumer_tells_and_the_sweep_does_not_tell_again(gone: World) -> None:
    gone.send("u2")
    assert told(gone) == []
    gone.deliver_queues()
    expected = ["Endpoints were switched off:\nwebhook of u2: HTTP 410: gone"]
    assert told(gone) == expected
    gone.clock.ms += HOUR_MS
    gone.cron()
    assert told(gone) == expected


def test_operators_are_not_told_over_the_endpoint_that_is_gone(gone: World) -> None:
    gone.endpoints.behave = lambda request: answer(410, "gone")
    gone.send("ops")
    before = len(gone.endpoints.received)
    gone.deliver_queues()
    assert len(gone.endpoints.received) == before


@pytest.mark.parametrize(("after_ms", "times"), [(2 * HOUR_MS - 1, 1), (2 * HOUR_MS, 2)])
def test_it_is_told_again_after_two_hours(gone: World, after_ms: int, times: int) -> None:
    row: Any = {
        "user_id": "u2",
        "channel_type": "webhook",
        "deactivated_at": "2026-01-01T00:00:00.000Z",
        "deactivated_reason": "gone",
    }
    for wait_ms in (0, after_ms):
        gone.clock.ms += wait_ms
        platform = gone.platform()
        alert = OperatorAlert(platform, Log.of(platform))
        gone.run(tell_of_gone(alert, "ops", row))
    assert len(told(gone)) == times
