"""The five-minute cron: sweep and clean-up."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from notification.ports.database import DatabaseError, Statement
from notification.tasks.run_lock import RunLock
from tests.worker.endpoints import answer
from tests.worker.world import World

HOUR_MS = 3_600_000


def _interrupt(world: World) -> None:
    """Leave a row as a process leaves it that dies during the first attempt."""

    def fail(statements: Sequence[Statement]) -> None:
        if "SET\n  status" in statements[0].sql:
            raise DatabaseError("gone")

    world.database.before_batch = fail
    world.send()
    world.database.before_batch = None


@pytest.mark.requirement("C-7")
def test_an_interrupted_first_attempt_is_made_again_after_its_lease(world: World) -> None:
    world.configure()
    _interrupt(world)
    world.clock.ms += 60_000
    world.cron()
    assert world.logs()[0]["status"] == "pending"
    world.clock.ms += 120_000
    world.cron()
    world.deliver_queues()
    [row] = world.logs()
    assert (row["status"], row["retry_count"]) == ("sent", 0)
    died, made = json.loads(row["attempts"])
    # The time at which the attempt began whose process ended, and not its lease's end.
    assert (died["code"], died["at"]) == ("INTERRUPTED", "2026-01-01T00:00:00.000Z")
    assert made["at"] > died["at"]


def test_the_sweep_forgets_no_pending_row_however_many_there_are(world: World) -> None:
    world.configure()
    for _ in range(230):
        _interrupt(world)
    for _ in range(4):
        world.clock.ms += 300_000
        world.cron()
        world.deliver_queues()
    assert {row["status"] for row in world.logs()} == {"sent"}


def test_a_row_under_a_living_lease_is_left_alone_and_found_later(world: World) -> None:
    world.configure()
    _interrupt(world)
    world.database.connection.execute(
        "UPDATE notification_logs SET lease_until = '2026-01-01T00:20:00.000Z'"
    )
    world.clock.ms += 300_000
    world.cron()
    assert world.logs()[0]["status"] == "pending"
    world.clock.ms += 20 * 60_000
    world.cron()
    world.deliver_queues()
    assert world.logs()[0]["status"] == "sent"


@pytest.mark.requirement("C-0.26")
@pytest.mark.requirement("C-7")
def test_two_runs_do_not_overlap(world: World) -> None:
    lock = RunLock(world.platform(), "data_cleanup")
    assert world.run(lock.take()) == {}
    world.cron()
    assert "Skipped: another run is at work" in [line["message"] for line in world.log_sink.lines]
    world.clock.ms += 240_000
    world.cron()
    assert world.log_sink.lines[-1]["message"] == "Completed"


@pytest.mark.requirement("B-26")
@pytest.mark.requirement("C-3.8", "C-3.5")
def test_settled_rows_are_deleted_after_their_retention_and_open_ones_kept(world: World) -> None:
    world.configure()
    world.send(idempotency_key="k")
    world.retry_queue.down = True
    world.endpoints.behave = lambda request: answer(500)
    world.send()
    world.endpoints.behave = lambda request: answer(404)
    world.send()
    world.clock.ms += 167 * HOUR_MS
    world.database.connection.execute(
        "UPDATE notification_logs SET next_retry_at = '2027-01-01T00:00:00.000Z'"
        " WHERE status = 'retry'"
    )
    world.cron()
    assert len(world.logs()) == 3
    world.clock.ms += 2 * HOUR_MS
    world.cron()
    assert [row["status"] for row in world.logs()] == ["retry"]
    assert world.database.rows("SELECT * FROM idempotency_keys") == []


@pytest.mark.requirement("C-3.6")
def test_expired_keys_are_deleted_hourly(world: World) -> None:
    world.configure()
    world.send(idempotency_key="k")
    world.clock.ms += 23 * HOUR_MS
    world.cron()
    assert len(world.database.rows("SELECT * FROM idempotency_keys")) == 1
    world.clock.ms += 2 * HOUR_MS
    world.cron()
    assert world.database.rows("SELECT * FROM idempotency_keys") == []


def test_one_failing_step_stops_no_other_and_is_raised_in_the_end(world: World) -> None:
    world.configure()
    world.send()
    world.clock.ms += 200 * HOUR_MS

    def fail(statements: Sequence[Statement]) -> None:
        if "'INTERRUPTED'" in statements[0].sql:
            raise DatabaseError("sweep failed")

    world.database.before_batch = fail
    with pytest.raises(DatabaseError, match="sweep failed"):
        world.cron()
    assert world.logs() == []
    runs = [
        (line["taskName"], line["taskStatus"]) for line in world.log_sink.of_type("scheduled_task")
    ]
    assert runs == [
        ("data_cleanup", "started"),
        ("data_cleanup", "failed"),
        ("monitoring", "started"),
        ("monitoring", "completed"),
        ("key_rotation", "started"),
        ("key_rotation", "completed"),
    ]
    world.database.before_batch = None
    world.cron()


def test_a_quiet_run_costs_few_round_trips(world: World) -> None:
    world.cron()
    before = world.database.calls
    world.clock.ms += 300_000
    world.cron()
    assert world.database.calls - before <= 7
