"""Health."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from notification.app.platform import IsolateMemory
from notification.cloudflare.unbound import UnboundCache, UnboundDatabase
from notification.ports.database import DatabaseConflict, DatabaseError, Statement
from notification.ports.platform import VersionMetadata
from notification.storage.last_hour import RefusedWrites
from notification.timestamps import iso
from tests.worker.world import BOUND, World


@pytest.mark.requirement("S0-42", "S0-11")
@pytest.mark.parametrize("path", ["/health", "/api/health"])
def test_a_sound_installation_is_healthy_by_both_shapes(world: World, path: str) -> None:
    answer = world.request("GET", path, signed=False)
    assert answer.status == 200
    body = answer.json
    assert body["status"] == "healthy"
    assert (body["database"], body["cache"], body["queues"]) == ("connected",) * 3
    assert body["services"] == {"database": True, "queue": True, "cache": True}
    assert body["environment"] == "production"
    assert body["version"] == "9.8.7"
    assert body["timestamp"] == "2026-01-01T00:00:00.000Z"
    assert body["deployment"] == {"version_id": "version-1", "tag": "tag-1"}
    assert answer.headers["Cache-Control"] == "no-cache, no-store, must-revalidate"


@pytest.mark.requirement("B-41")
def test_health_writes_nothing(world: World) -> None:
    world.request("GET", "/health", signed=False)
    assert world.cache.values == {}
    assert world.log_sink.of_type("api_request")[-1]["rows_written"] == 0


@pytest.mark.requirement("S4-27")
def test_a_missing_database_is_named(world: World) -> None:
    world.database = UnboundDatabase()
    health = world.request("GET", "/health", signed=False)
    assert health.status == 503
    assert health.json["database"] == "not_bound"
    assert health.json["errors"] == [{"code": "D1_NOT_BOUND", "message": "D1 database not bound"}]
    answer = world.request("GET", "/api/logs")
    assert (answer.status, answer.code) == (502, "D1_NOT_BOUND")


@pytest.mark.requirement("S4-29")
def test_a_missing_namespace_is_named(world: World) -> None:
    world.cache = UnboundCache()
    world.bound = BOUND - {"CONFIG_CACHE"}
    assert world.request("GET", "/health", signed=False).json["cache"] == "not_bound"
    answer = world.request("GET", "/api/user-configs")
    assert (answer.status, answer.code) == (502, "KV_NOT_BOUND")
    assert answer.json["error"] == "KV namespace not bound"


def test_missing_queues_and_a_failing_database_are_unhealthy(world: World) -> None:
    world.bound = BOUND - {"FAILED_QUEUE"}

    def fail(statements: object) -> None:
        raise DatabaseError("down")

    world.database.before_batch = fail
    body = world.request("GET", "/health", signed=False).json
    assert (body["status"], body["queues"], body["database"]) == (
        "unhealthy",
        "not_bound",
        "disconnected",
    )


def test_a_database_before_its_first_migration_is_connected(world: World) -> None:
    def fail(statements: object) -> None:
        raise DatabaseError("D1_ERROR: no such table: scheduled_tasks: SQLITE_ERROR")

    world.database.before_batch = fail
    health = world.request("GET", "/health", signed=False)
    assert (health.status, health.json["database"]) == (200, "connected")


@pytest.mark.requirement("C-2.6")
def test_refused_writes_of_the_last_hour_make_the_service_degraded(world: World) -> None:
    world.configure()

    def full(statements: Sequence[Statement]) -> None:
        if any(not s.sql.lstrip().startswith("SELECT") for s in statements):
            raise DatabaseError("database or disk is full")

    world.database.before_batch = full
    for _ in range(3):
        assert world.send().status == 503
    world.database.before_batch = None
    health = world.request("GET", "/health", signed=False)
    assert (health.status, health.json["status"]) == (200, "degraded")
    [error] = health.json["errors"]
    assert error["code"] == "WRITES_REFUSED"
    told = "The database refused 3 writes in the last hour, the last at 2026-01-01T00:00:00.000Z"
    assert error["message"] == told
    world.clock.ms += 3_600_000
    assert world.request("GET", "/health", signed=False).json["status"] == "healthy"


@pytest.mark.requirement("C-2.6")
@pytest.mark.parametrize("fault", ["a send", "the cron"])
def test_another_isolate_knows_of_refused_writes_too(world: World, fault: str) -> None:
    world.configure()

    def full(statements: Sequence[Statement]) -> None:
        if any(not s.sql.lstrip().startswith("SELECT") for s in statements):
            raise DatabaseError("database or disk is full")

    world.database.before_batch = full
    if fault == "a send":
        world.send()
    else:
        with pytest.raises(DatabaseError):
            world.cron()
    world.database.before_batch = None
    world.memory = IsolateMemory()
    health = world.request("GET", "/health", signed=False)
    assert (health.status, health.json["status"]) == (200, "degraded")
    assert health.json["errors"][0]["code"] == "WRITES_REFUSED"
    world.clock.ms += 3_600_000
    assert world.request("GET", "/health", signed=False).json["status"] == "healthy"


@pytest.mark.parametrize("told", ["", "null", "[]", "{", '{"failed": "x", "last_ms": 1}', "7"])
def test_what_else_stands_in_the_cache_tells_of_no_refused_write(world: World, told: str) -> None:
    world.run(world.cache.put("health_check", told, ttl_s=3_600))
    assert world.request("GET", "/health", signed=False).json["status"] == "healthy"


def test_isolates_tell_of_refused_writes_once_a_minute() -> None:
    refused = RefusedWrites()
    assert refused.to_share(1_000_000, "v") is None
    refused.count(1_000_000, "a write")
    told = refused.to_share(1_000_000, "v")
    assert told == '{"version":"v","tried":1,"failed":1,"last_ms":1000000,"what":"a write"}'
    refused.count(1_030_000, "a write")
    assert refused.to_share(1_059_999, "v") is None
    assert '"failed":2,"last_ms":1030000' in str(refused.to_share(1_060_000, "v"))
    assert refused.to_share(1_200_000, "v") is None


@pytest.mark.parametrize(("mine", "theirs"), [(1, 3), (3, 1)])
def test_of_two_isolates_the_higher_count_and_the_newest_time_are_told(
    mine: int, theirs: int
) -> None:
    own, other = RefusedWrites(), RefusedWrites()
    for n in range(theirs):
        other.count(1_000_000 + n, "a write")
    for n in range(mine):
        own.count(1_060_000 + n, "a write")
    told = other.to_share(1_000_010, "another version")
    found = own.with_told(told, 1_060_010, "v")
    assert (found.failed, found.last_ms) == (3, 1_060_000 + mine - 1)
    assert own.with_told(told, 1_000_010 + 3_600_000, "v").failed == mine
    assert RefusedWrites().with_told(told, 1_000_010 + 3_600_000, "v").failed == 0


@pytest.mark.requirement("C-2.6")
def test_the_crons_own_write_is_a_probe(world: World) -> None:
    def read_only(statements: Sequence[Statement]) -> None:
        if any(not s.sql.lstrip().startswith("SELECT") for s in statements):
            raise DatabaseError("attempt to write a readonly database")

    world.database.before_batch = read_only
    with pytest.raises(DatabaseError):
        world.cron()
    assert world.request("GET", "/health", signed=False).json["status"] == "degraded"


@pytest.mark.requirement("C-2.6")
def test_failed_reads_and_conflicts_of_keys_are_no_refused_writes(world: World) -> None:
    world.configure()

    def conflict(statements: Sequence[Statement]) -> None:
        raise DatabaseConflict("UNIQUE")

    world.database.before_batch = conflict
    world.send()

    def down(statements: Sequence[Statement]) -> None:
        if all(s.sql.lstrip().startswith("SELECT") for s in statements):
            raise DatabaseError("away")

    world.database.before_batch = down
    world.request("GET", "/api/notification-logs")
    world.database.before_batch = None
    assert world.request("GET", "/health", signed=False).json["status"] == "healthy"


@pytest.mark.parametrize(
    ("silent_ms", "deployed_ms", "stopped"),
    [
        (900_000, None, False),
        (900_001, None, True),
        (900_001, 1, False),
        (900_001, -1, True),
        (2_000_000, 1_099_999, True),
        (2_000_000, 1_100_000, False),
    ],
)
def test_the_cron_has_stopped_after_three_missed_firings(
    world: World, silent_ms: int, deployed_ms: int | None, stopped: bool
) -> None:
    world.clock.ms += 3
    world.cron()
    fired_ms = world.clock.ms
    if deployed_ms is not None:
        world.running = VersionMetadata("v", "t", iso(fired_ms + deployed_ms))
    world.clock.ms += silent_ms
    health = world.request("GET", "/health", signed=False)
    errors = [
        {
            "code": "CRON_STOPPED",
            "message": f"The cron has not fired since {iso(fired_ms)}; it should every 5 minutes",
        }
    ]
    assert health.json.get("errors", []) == (errors if stopped else [])
    assert (health.status, health.json["status"]) == (
        (503, "unhealthy") if stopped else (200, "healthy")
    )


def test_health_is_told_whole(world: World) -> None:
    world.clock.ms += 3
    world.environment["SCHEMA_LEVEL"] = "7"
    health = world.request("GET", "/health", signed=False)
    assert health.headers["Cache-Control"] == "no-cache, no-store, must-revalidate"
    whole: dict[str, Any] = {
        "status": "healthy",
        "timestamp": "2026-01-01T00:00:00.003Z",
        "version": "9.8.7",
        "environment": "production",
        "database": "connected",
        "cache": "connected",
        "queues": "connected",
        "services": {"database": True, "queue": True, "cache": True},
        "deployment": {"version_id": "version-1", "tag": "tag-1", "schema_level": 7},
    }
    assert health.json == whole
    world.environment["SCHEMA_LEVEL"] = ""
    del whole["deployment"]["schema_level"]
    assert world.request("GET", "/health", signed=False).json == whole
    world.running = VersionMetadata("", "", "")
    del whole["deployment"]
    assert world.request("GET", "/health", signed=False).json == whole
    world.bound -= {"FAILED_QUEUE"}
    whole |= {"status": "unhealthy", "queues": "not_bound"}
    whole["services"] = {"database": True, "queue": False, "cache": True}
    unhealthy = world.request("GET", "/health", signed=False)
    assert (unhealthy.status, unhealthy.json) == (503, whole)
