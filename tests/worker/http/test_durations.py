"""How long things took, told in answers, rows, records and lines: the time that passed."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from notification.metrics.isolate_counters import IsolateCounters
from notification.ports.database import Statement
from notification.ports.outbound import OutboundAnswer, OutboundRequest
from tests.worker.endpoints import answer
from tests.worker.world import World

TOOK_MS = 1_031


@pytest.fixture
def slow(world: World) -> World:
    """An endpoint that takes a second, at no round time."""
    world.clock.ms += 123_457
    world.configure()

    def behave(request: OutboundRequest) -> OutboundAnswer:
        world.clock.ms += TOOK_MS
        return answer()

    world.endpoints.behave = behave
    world.memory.of(IsolateCounters).request_ms = 0
    return world


def test_a_requests_time_is_told_in_its_line_point_and_metric(slow: World) -> None:
    slow.send()
    [attempt] = json.loads(slow.logs()[0]["attempts"])
    assert attempt["duration_ms"] == TOOK_MS
    line = slow.log_sink.of_type("api_request")[-1]
    assert (line["duration"], line["attempts"][0]["duration"]) == (TOOK_MS, TOOK_MS)
    assert slow.calls.points[-1][1] == [200, TOOK_MS]
    assert slow.memory.of(IsolateCounters).request_ms == TOOK_MS


def test_an_attempts_time_counts_from_its_beginning_to_its_delivery(slow: World) -> None:
    slow.send()
    shown = slow.request("GET", "/metrics").json
    assert shown["avgResponseTime"] == TOOK_MS


@pytest.mark.parametrize("status", [200, 404])
def test_the_bridge_tells_how_long_it_took(slow: World, status: int) -> None:
    slow.environment["BRIDGE_TOKEN"] = "t" * 32

    def behave(request: OutboundRequest) -> OutboundAnswer:
        slow.clock.ms += TOOK_MS
        return answer(status)

    slow.endpoints.behave = behave
    told = slow.request(
        "POST",
        "/web_hook/bridge/u1/webhook",
        {"text": "x"},
        signed=False,
        headers={"X-Bridge-Token": "t" * 32},
    )
    assert told.json["duration"] == TOOK_MS


def test_a_task_tells_how_long_it_took(world: World) -> None:
    world.clock.ms += 123_457

    def slowly(statements: Sequence[Statement]) -> None:
        world.clock.ms += 13

    world.database.before_batch = slowly
    before = world.clock.ms
    world.cron()
    world.database.before_batch = None
    took = {
        row["task_name"]: row["duration_ms"]
        for row in world.rows("SELECT * FROM task_execution_records")
    }
    lines = [
        line for line in world.log_sink.of_type("scheduled_task") if line["taskStatus"] != "started"
    ]
    assert {line["taskName"]: line["duration"] for line in lines} == took
    assert all(ms % 13 == 0 and 13 < ms < world.clock.ms - before for ms in took.values())
    [swept] = [line["result"] for line in lines if line["taskName"] == "data_cleanup"]
    assert swept["duration"] == took["data_cleanup"]
    starts = world.rows("SELECT execution_time, created_at FROM task_execution_records")
    assert len({row["execution_time"] for row in starts}) == len(took)
    assert all(row["created_at"] > row["execution_time"] for row in starts)
