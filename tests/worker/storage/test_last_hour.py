"""Callers' failures reach health and the operators without the database, and end with the hour."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from notification.app.platform import IsolateMemory
from notification.ports.database import DatabaseError, Statement
from notification.storage.last_hour import FailedAnswers, Lately, are_bad
from tests.worker.world import World

MINUTE = 60_000


def refuse(world: World, times: int) -> None:
    def down(statements: Sequence[Statement]) -> None:
        raise DatabaseError("away")

    world.database.before_batch = down
    for _ in range(times):
        assert world.request("GET", "/api/notification-logs").status == 503
    world.database.before_batch = None


def problems(world: World) -> dict[str, str]:
    health = world.request("GET", "/health", signed=False).json
    return {one["code"]: one["message"] for one in health.get("errors", [])}


@pytest.mark.parametrize(("failed", "told"), [(4, False), (5, True)])
def test_health_tells_of_five_failed_requests(world: World, failed: int, told: bool) -> None:
    refuse(world, failed)
    health = world.request("GET", "/health", signed=False)
    assert (health.status, health.json["status"]) == (200, "healthy")
    said = str(health.json.get("errors", ""))
    assert ("At least 5 of 5 requests failed" in said) == told
    assert ("GET /api/notification-logs: 503 DB_ERROR" in said) == told


def test_one_percent_of_the_requests_may_fail(world: World) -> None:
    answers = FailedAnswers()
    for n in range(500):
        answers.count(MINUTE * 100 + n, "x" if n < 5 else "")
    assert not are_bad(answers.lately(MINUTE * 100))
    answers.count(MINUTE * 101, "x")
    assert are_bad(answers.lately(MINUTE * 101))


def test_failures_are_over_after_an_hour(world: World) -> None:
    refuse(world, 5)
    world.clock.ms += 59 * MINUTE
    assert "REQUESTS_FAILED" in problems(world)
    world.clock.ms += 2 * MINUTE
    assert problems(world).keys() & {"REQUESTS_FAILED"} == set()


def test_the_cron_tells_what_came_since_the_last_minute(world: World) -> None:
    refuse(world, 5)  # the first is told at once, the others not within the minute
    world.clock.ms += 5 * MINUTE
    world.cron()
    world.memory = IsolateMemory()
    assert "At least 5 of 5" in problems(world)["REQUESTS_FAILED"]


@pytest.mark.parametrize("failed", [4, 5, 70])
def test_what_an_isolate_shares_is_read_by_others(world: World, failed: int) -> None:
    own = world.memory.of(FailedAnswers)
    now_ms = world.clock.ms
    for _ in range(failed):
        own.count(now_ms, "GET /x: 500 INTERNAL_ERROR")
    text = own.to_share(now_ms, world.running.short)
    assert text is not None
    assert own.to_share(now_ms + 1, world.running.short) is None
    world.run(world.cache.put("failed_answers", text, ttl_s=3_600))
    world.memory = IsolateMemory()
    assert ("REQUESTS_FAILED" in problems(world)) == (failed >= 5)
    other = text.replace(world.running.short, "another")
    world.run(world.cache.put("failed_answers", other, ttl_s=3_600))
    assert "REQUESTS_FAILED" not in problems(world)


@pytest.mark.parametrize("told", ["", "null", "[]", "{", '{"version":"x"}', "7", '{"failed":{}}'])
def test_what_else_stands_in_the_cache_tells_of_no_failure(world: World, told: str) -> None:
    world.run(world.cache.put("failed_answers", told, ttl_s=3_600))
    assert problems(world) == {}


def test_mistakes_of_callers_are_no_failures(world: World) -> None:
    for _ in range(6):
        world.request("GET", "/api/nothing")
        world.request("GET", "/api/notification-logs", signed=False)
    assert world.memory.of(FailedAnswers).lately(world.clock.ms).failed == 0
    assert problems(world) == {}


def test_the_hourly_alert_names_what_callers_were_answered(world: World) -> None:
    refuse(world, 5)
    world.cron()
    alerts = [line for line in world.log_sink.of_type("alert") if line.get("rule") == "requests"]
    assert len(alerts) == 1
    assert "5 of 5 requests failed" in alerts[0]["message"]


def test_an_hour_without_a_request_is_no_failure() -> None:
    assert FailedAnswers().lately(0) == Lately()


def test_no_more_than_an_hours_minutes_are_kept() -> None:
    answers = FailedAnswers()
    for minute in range(30_000_000, 30_000_500):
        answers.count(minute * MINUTE, "x")
    assert len(answers._minutes) == 60
    now_ms = 30_000_499 * MINUTE
    assert (answers.lately(now_ms).tried, answers.lately(now_ms).failed) == (60, 60)
    # The minute that an hour ago lies in is over.
    assert answers.lately(now_ms + MINUTE).tried == 59
