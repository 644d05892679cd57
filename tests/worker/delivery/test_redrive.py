"""Which failed notifications are retried by hand, at each edge, and what is ended by hand."""

from __future__ import annotations

from typing import Any

import pytest

from notification.delivery.redrive import (
    Redrive,
    RedriveFilter,
    RedriveResult,
    discard_failed,
    settle_retries,
)
from notification.errors import ServiceError
from notification.identity import first_row_id
from notification.logging import Log
from notification.timestamps import HOUR_MS, iso
from tests.worker.world import World


def add(world: World, ago_ms: int = 0, **fields: Any) -> int:
    """Put a notification into the database that was accepted so long ago; return its id."""
    row = {
        "id": first_row_id(world.clock.ms - ago_ms),
        "user_id": "u1",
        "channel_type": "webhook",
        "status": "failed",
        "content": "x",
        "attempts": '[{"retryable": true}]',
        **fields,
    }
    row.setdefault("message_id", f"m-{row['id']}")
    marks = ", ".join("?" * len(row))
    world.database.connection.execute(
        f"INSERT INTO notification_logs ({', '.join(row)}) VALUES ({marks})",  # noqa: S608
        tuple(row.values()),
    )
    return int(row["id"])


def many(world: World, **chosen: Any) -> RedriveResult:
    platform = world.platform()
    return world.run(Redrive(platform, Log.of(platform)).many(RedriveFilter(**chosen)))


def statuses(world: World) -> list[str]:
    return [row["status"] for row in world.logs()]


@pytest.mark.parametrize(
    ("hours", "ago_ms", "queued"),
    [
        (None, 24 * HOUR_MS, 1),
        (None, 24 * HOUR_MS + 1, 0),
        (1, HOUR_MS, 1),
        (1, HOUR_MS + 1, 0),
        (48, 25 * HOUR_MS, 1),
    ],
)
def test_an_age_is_counted_from_the_acceptance(
    world: World, hours: int | None, ago_ms: int, queued: int
) -> None:
    add(world, ago_ms)
    skipped = {} if queued else {"too_old": 1}
    assert many(world, max_age_hours=hours) == RedriveResult(1, queued, skipped, None)
    assert statuses(world) == (["retry"] if queued else ["failed"])


@pytest.mark.parametrize(
    "named",
    [
        {"user_id": "u1"},
        {"channel": "webhook"},
        {"code": "C"},
        {"template_key": "t"},
        {"since": "2025-01-01T00:00:00.000Z"},
        {"until": "2027-01-01T00:00:00.000Z"},
    ],
)
def test_what_is_named_is_retried_at_any_age_and_whatever_its_error(
    world: World, named: dict[str, str]
) -> None:
    fields = {"last_error_code": "C", "template_key": "t", "attempts": '[{"retryable": false}]'}
    add(world, 100 * HOUR_MS, **fields)
    assert many(world) == RedriveResult(1, 0, {"rejected": 1}, None)
    assert many(world, **named, max_age_hours=99) == RedriveResult(1, 0, {"too_old": 1}, None)
    assert many(world, **named) == RedriveResult(1, 1, {}, None)


@pytest.mark.parametrize(
    "other", [{"user_id": "u2"}, {"channel": "lark"}, {"code": "D"}, {"template_key": "s"}]
)
def test_what_does_not_match_is_not_counted(world: World, other: dict[str, str]) -> None:
    add(world, last_error_code="C", template_key="t")
    assert many(world, **other) == RedriveResult(0, 0, {}, None)


@pytest.mark.parametrize(
    ("since", "until", "matched"),
    [(-1, None, 1), (0, None, 1), (1, None, 0), (None, 1, 1), (None, 0, 1), (None, -1, 0)],
)
def test_both_ends_of_a_range_belong_to_it(
    world: World, since: int | None, until: int | None, matched: int
) -> None:
    moment = world.clock.ms - HOUR_MS
    add(world, HOUR_MS)
    ends = {"since": since, "until": until}
    chosen = {name: iso(moment + by) for name, by in ends.items() if by is not None}
    assert many(world, **chosen).matched == matched


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"content": None}, "no_content"),
        ({"content": None, "attempts": "[]"}, "no_content"),
        ({"attempts": "[]"}, ""),
        ({"attempts": '[{"retryable": false}]'}, "rejected"),
        ({"attempts": '[{"retryable": false}]', "last_error_code": "HTTP_ERROR"}, "rejected"),
        ({"attempts": '[{"retryable": true}, {"retryable": false}]'}, "rejected"),
        ({"attempts": '[{"retryable": false}, {"retryable": true}]'}, ""),
        ({"attempts": "[]", "last_error_code": "EXPIRED"}, ""),
        ({"attempts": "[]", "last_error_code": "INTERRUPTED"}, ""),
    ],
)
def test_what_is_not_worth_a_retry_is_skipped_with_its_reason(
    world: World, fields: dict[str, Any], reason: str
) -> None:
    add(world, **fields)
    found = many(world)
    assert (found.queued, found.skipped) == ((0, {reason: 1}) if reason else (1, {}))


def test_the_oldest_go_first_and_the_cursor_leads_to_the_rest(world: World) -> None:
    ids = sorted(add(world, ago) for ago in (3, 1, 2, 5, 4))
    first = many(world, limit=2)
    assert first == RedriveResult(5, 2, {}, ids[1])
    second = many(world, limit=3, cursor=ids[1])
    assert second == RedriveResult(3, 3, {}, None)
    assert [waiting.body["logId"] for waiting in world.retry_queue.waiting] == ids
    assert many(world) == RedriveResult(0, 0, {}, None)


def test_a_retried_one_begins_anew(world: World) -> None:
    add(world, HOUR_MS, retry_count=2, redrives=1, held_until="x", lease_token="t", lease_until="x")
    many(world)
    [row] = world.logs()
    assert (row["retry_count"], row["redrives"]) == (0, 2)
    assert (row["held_until"], row["lease_token"], row["lease_until"]) == (None, None, None)
    assert row["next_retry_at"] == iso(world.clock.ms)
    assert row["expires_at"] == iso(world.clock.ms + 24 * HOUR_MS)
    [waiting] = world.retry_queue.waiting
    assert (waiting.body["retryCount"], waiting.due_ms) == (0, world.clock.ms)


def one(world: World, log_id: int | None = None, message_id: str | None = None) -> int:
    platform = world.platform()
    work = Redrive(platform, Log.of(platform)).one(log_id=log_id, message_id=message_id)
    return world.run(work)


@pytest.mark.parametrize(("status", "retried"), [("failed", 1), ("sent", 0), ("cancelled", 0)])
def test_one_is_retried_if_it_failed(world: World, status: str, retried: int) -> None:
    row_id = add(world, status=status, sent_at="x", attempts="[]")
    assert one(world, row_id) == retried
    assert len(world.retry_queue.waiting) == retried


@pytest.mark.parametrize("status", ["pending", "retry"])
def test_one_under_way_and_one_that_is_not_there_are_refused(world: World, status: str) -> None:
    row_id = add(world, status=status, next_retry_at="x")
    with pytest.raises(ServiceError) as refused:
        one(world, row_id)
    assert refused.value.code == "LOG_IN_FLIGHT"
    with pytest.raises(ServiceError) as missing:
        one(world, row_id + 1)
    assert missing.value.code == "NOT_FOUND"


def test_one_is_found_by_either_form_of_its_message_id(world: World) -> None:
    legacy = add(world, 5, message_id="older-form")
    assert one(world, message_id="older-form") == 1
    own = world.clock.ms
    digits = f"{0:012x}"
    named = f"ntf_{own}_webhook_{digits}"
    add(world, 0, message_id=named)
    assert one(world, message_id=named) == 1
    assert [waiting.body["logId"] for waiting in world.retry_queue.waiting] == [
        *(legacy, first_row_id(own))
    ]
    for other in ("none", f"ntf_{own + 1}_webhook_{digits}", ""):
        with pytest.raises(ServiceError):
            one(world, message_id=other)


def test_waiting_retries_are_ended_and_those_under_way_are_not(world: World) -> None:
    now = world.clock.ms
    waits = {"status": "retry", "next_retry_at": iso(now), "lease_token": "t"}
    free = add(world, 4, **waits)
    lapsed = add(world, 3, **waits, lease_until=iso(now))
    add(world, 2, **waits, lease_until=iso(now + 1))
    add(world, 1)
    platform = world.platform()
    assert world.run(settle_retries(platform, [lapsed], as_failed=True, error="E")) == 1
    assert world.run(settle_retries(platform, None, as_failed=False, error="F")) == 1
    rows = {row["id"]: row for row in world.logs()}
    assert (rows[lapsed]["status"], rows[lapsed]["error"]) == ("failed", "E")
    assert (rows[free]["status"], rows[free]["error"]) == ("cancelled", "F")
    assert (rows[free]["next_retry_at"], rows[free]["lease_token"]) == (None, None)
    assert statuses(world) == ["cancelled", "failed", "retry", "failed"]


def test_dead_letters_that_failed_are_discarded(world: World) -> None:
    failed = add(world, 2)
    sent = add(world, 1, status="sent", sent_at="x")
    assert world.run(discard_failed(world.platform(), [failed, sent])) == 1
    first, second = world.logs()
    assert (first["status"], first["error"]) == ("cancelled", "Discarded by operator")
    assert second["status"] == "sent"
