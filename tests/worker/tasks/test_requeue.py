"""What the sweep finds stalled: from which row on, from which age on, and how much at a time."""

from __future__ import annotations

from typing import Any

import pytest

from notification.identity import first_row_id
from notification.logging import Log
from notification.tasks.requeue import RequeueResult, requeue_stalled
from notification.timestamps import DAY_MS, HOUR_MS, iso
from tests.worker.world import World

SETTLING_MS = 120_000
BORN_MS = 1_767_300_000_001


@pytest.fixture
def stalled(world: World) -> World:
    """A first attempt that was interrupted, an hour ago."""
    world.clock.ms = BORN_MS + HOUR_MS
    insert(world, first_row_id(BORN_MS) + 7)
    return world


def insert(world: World, *ids: int, status: str = "pending", **columns: Any) -> None:
    names = ["id", "message_id", "user_id", "channel_type", "content", "status", *columns]
    marks = ", ".join("?" * len(names))
    world.database.connection.executemany(
        f"INSERT INTO notification_logs ({', '.join(names)}) VALUES ({marks})",  # noqa: S608 - the test's own names
        [(n, f"m{n}", "u1", "webhook", "x", status, *columns.values()) for n in ids],
    )


def requeued(world: World, swept_to: int = 0, look_back_ms: int = 0) -> RequeueResult:
    platform = world.platform()
    return world.run(
        requeue_stalled(platform, Log.of(platform), swept_to=swept_to, look_back_ms=look_back_ms)
    )


def settled(world: World) -> int:
    return first_row_id(world.clock.ms - SETTLING_MS)


@pytest.mark.parametrize(
    ("ahead", "look_back_ms", "revived"),
    [(0, 0, 1), (1, 0, 0), (1, 1, 1), (4_096 * 10, 9, 0), (4_096 * 10, 11, 1)],
)
def test_a_row_is_found_from_where_the_last_run_ended(
    stalled: World, ahead: int, look_back_ms: int, revived: int
) -> None:
    [row] = stalled.logs()
    found = requeued(stalled, row["id"] + ahead, look_back_ms)
    assert found == RequeueResult(revived, 0, 0, settled(stalled))
    [row] = stalled.logs()
    assert (row["status"] == "retry") == bool(revived)
    assert (row["next_retry_at"] == iso(stalled.clock.ms)) == bool(revived)


def test_what_an_earlier_run_returned_counts_for_no_more_than_the_present(stalled: World) -> None:
    stalled.clock.ms = BORN_MS + SETTLING_MS + 1
    assert requeued(stalled, first_row_id(BORN_MS + DAY_MS)).revived == 0
    assert requeued(stalled, first_row_id(BORN_MS)).revived == 1


@pytest.mark.parametrize(("age_ms", "revived"), [(SETTLING_MS, 0), (SETTLING_MS + 1, 1)])
def test_a_row_younger_than_two_minutes_is_left_alone(
    stalled: World, age_ms: int, revived: int
) -> None:
    stalled.clock.ms = BORN_MS + age_ms
    assert requeued(stalled).revived == revived


@pytest.mark.parametrize(("left_ms", "revived"), [(0, 1), (1, 0)])
def test_a_row_under_a_lease_is_where_the_next_run_begins(
    stalled: World, left_ms: int, revived: int
) -> None:
    [row] = stalled.logs()
    stalled.database.connection.execute(
        "UPDATE notification_logs SET lease_until = ?", (iso(stalled.clock.ms + left_ms),)
    )
    found = requeued(stalled)
    assert found.revived == revived
    assert found.swept_to == (settled(stalled) if revived else row["id"])


@pytest.mark.parametrize(("age_ms", "expired"), [(DAY_MS, 0), (DAY_MS + 1, 1)])
def test_a_row_older_than_a_day_is_given_up(stalled: World, age_ms: int, expired: int) -> None:
    stalled.clock.ms = BORN_MS + age_ms
    assert requeued(stalled) == RequeueResult(1 - expired, 0, expired, settled(stalled))
    [row] = stalled.logs()
    assert (row["status"] == "failed") == bool(expired)
    assert (row["last_error_code"] == "EXPIRED") == bool(expired)
    [message] = [*stalled.failed_queue.waiting, *stalled.retry_queue.waiting]
    assert (message.body["logId"], message.body["retryCount"]) == (row["id"], 0)
    assert len(stalled.failed_queue.waiting) == expired


@pytest.mark.parametrize(("late_ms", "requeues"), [(SETTLING_MS - 1, 0), (SETTLING_MS, 1)])
def test_a_retry_that_is_two_minutes_late_gets_a_message(
    world: World, late_ms: int, requeues: int
) -> None:
    world.clock.ms = BORN_MS
    due = iso(BORN_MS - late_ms)
    insert(world, first_row_id(BORN_MS - HOUR_MS), status="retry", next_retry_at=due, retry_count=2)
    assert requeued(world) == RequeueResult(0, requeues, 0, settled(world))
    bodies = [message.body for message in world.retry_queue.waiting]
    assert [(body["retryCount"]) for body in bodies] == [2] * requeues


def test_one_run_takes_five_hundred_of_each_kind(world: World) -> None:
    world.clock.ms = BORN_MS
    begin = first_row_id(BORN_MS - HOUR_MS)
    late = iso(BORN_MS - HOUR_MS)
    insert(world, *range(begin, begin + 501))
    insert(world, *range(begin + 600, begin + 1_101), status="retry", next_retry_at=late)
    insert(
        world,
        *range(begin + 1_200, begin + 1_701),
        status="retry",
        next_retry_at=late,
        expires_at=late,
    )
    first = requeued(world)
    assert (first.revived, first.requeued, first.expired) == (500, 500, 500)
    assert first.swept_to == begin + 500
    second = requeued(world, first.swept_to)
    assert (second.revived, second.expired) == (1, 1)


def test_the_first_run_of_a_day_looks_back_over_all_of_it_and_of_an_hour_over_three(
    world: World,
) -> None:
    midnight = 1_767_312_000_000
    insert(world, first_row_id(midnight - 22 * HOUR_MS), first_row_id(midnight - 6 * HOUR_MS))

    def pending_after(at_ms: int) -> int:
        world.clock.ms = at_ms
        world.cron()
        return sum(row["status"] == "pending" for row in world.logs())

    world.database.connection.execute(
        "INSERT INTO scheduled_tasks (task_name, state)"
        " VALUES ('data_cleanup', json_object('hour', 0, 'swept_to', ?))",
        (first_row_id(midnight),),
    )
    assert pending_after(midnight - HOUR_MS) == 2
    assert pending_after(midnight) == 0
