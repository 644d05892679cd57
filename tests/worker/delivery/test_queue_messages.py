"""What queues do wrong: they repeat, reorder, delay and invent messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from notification.ports.database import DatabaseError, Statement
from tests.worker.endpoints import answer
from tests.worker.queues import Delivered, Waiting, retry_message
from tests.worker.stepped_timeline import SteppedTimeline


def test_a_repeated_message_is_delivered_once(timeline: SteppedTimeline) -> None:
    world = timeline.world
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).push("order").endpoint_answers(200).at(15)
    [row] = world.logs()
    twice = [retry_message(row), retry_message(row)]
    world.consume("retry-queue", twice)
    world.consume("retry-queue", [retry_message(row)])
    timeline.expect("order", attempts=2, status="sent")
    assert [d.outcome for d in twice] == ["acknowledged"] * 2


@pytest.mark.requirement("B-04", "B-42")
@pytest.mark.parametrize("status", ["failed", "cancelled", "sent"])
def test_a_message_for_a_settled_row_is_acknowledged_unsent(
    timeline: SteppedTimeline, status: str
) -> None:
    world = timeline.world
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).push("order").at(15)
    world.database.connection.execute(
        "UPDATE notification_logs SET status = ?, sent_at = created_at", (status,)
    )
    message = retry_message(world.logs()[0])
    world.consume("retry-queue", [message])
    assert message.outcome == "acknowledged"
    timeline.expect("order", attempts=1, status=status)


@pytest.mark.parametrize("changes", [{"retryCount": 0}, {"retryCount": 2}, {"logId": 12345}])
def test_an_outdated_message_is_acknowledged(
    timeline: SteppedTimeline, changes: dict[str, int]
) -> None:
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).push("order").at(15)
    message = retry_message(timeline.world.logs()[0], **changes)
    timeline.world.consume("retry-queue", [message])
    assert message.outcome == "acknowledged"
    timeline.expect("order", attempts=1, status="retry")


def test_an_early_message_is_delivered_again_when_due(
    timeline: SteppedTimeline,
) -> None:
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).push("order").at(4)
    message = retry_message(timeline.world.logs()[0])
    timeline.world.consume("retry-queue", [message])
    assert isinstance(message.outcome, int)
    assert 5 <= message.outcome <= 8
    timeline.expect("order", attempts=1)


@pytest.mark.parametrize(
    "body",
    [
        None,
        5,
        "text",
        [],
        {},
        {"type": "other"},
        {"type": "retry_notification"},
        {"type": "retry_notification", "logId": "1", "retryCount": 1},
        {"type": "retry_notification", "logId": True, "retryCount": 1},
        {"type": "retry_notification", "logId": 1, "retryCount": -1},
    ],
)
def test_a_poison_message_is_logged_and_blocks_nobody(timeline: SteppedTimeline, body: Any) -> None:
    world = timeline.world
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).push("order").endpoint_answers(200).at(15)
    poison, good = Delivered(Waiting(body, 0)), retry_message(world.logs()[0])
    world.consume("retry-queue", [poison, good])
    assert (poison.outcome, good.outcome) == ("acknowledged", "acknowledged")
    timeline.expect("order", attempts=2, status="sent")
    assert len(world.log_sink.of_type("queue_message")) == 2


@pytest.mark.requirement("C-0.28")
def test_messages_of_the_older_format_are_read(timeline: SteppedTimeline) -> None:
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).push("order").endpoint_answers(200).at(15)
    message = retry_message(timeline.world.logs()[0], scheduledAt=1, expectedProcessAt=2)
    del message.body["v"]
    timeline.world.consume("retry-queue", [message])
    timeline.expect("order", attempts=2, status="sent")


def test_a_database_that_fails_makes_the_queue_repeat(timeline: SteppedTimeline) -> None:
    world = timeline.world
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).push("order").at(15)

    def fail(statements: Sequence[Statement]) -> None:
        raise DatabaseError("down")

    row = world.logs()[0]
    world.database.before_batch = fail
    for queue in ("retry-queue", "failed-queue"):
        message = retry_message(row)
        world.consume(queue, [message])
        assert message.outcome == 30
    timeline.expect("order", attempts=1)


def test_an_outcome_that_cannot_be_written_is_never_acknowledged(timeline: SteppedTimeline) -> None:
    world = timeline.world
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).push("order").endpoint_answers(200).at(15)

    def fail(statements: Sequence[Statement]) -> None:
        if "SET\n  status" in statements[0].sql:
            raise DatabaseError("down")

    world.database.before_batch = fail
    message = retry_message(world.logs()[0])
    world.consume("retry-queue", [message])
    assert message.outcome == 30
    assert len(world.log_sink.of_type("delivery_unrecorded")) == 1


@pytest.mark.requirement("C-0.4")
def test_a_dead_letter_of_a_row_that_is_not_exhausted_is_left_to_the_sweep(
    timeline: SteppedTimeline,
) -> None:
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).push("order")
    message = retry_message(timeline.world.logs()[0])
    timeline.world.consume("failed-queue", [message])
    assert message.outcome == "acknowledged"
    timeline.expect("order", status="retry")
    assert timeline.logged("dead_letter") == 0


def test_a_repeated_dead_letter_is_reported_once(timeline: SteppedTimeline) -> None:
    timeline.endpoint_answers(500).at(0).push("order").at(60)
    row = timeline.world.logs()[0]
    timeline.world.consume("failed-queue", [retry_message(row)])
    assert timeline.logged("dead_letter") == 1
    assert str(timeline.world.logs()[0]["error"]).count("moved to DLQ") == 1


@pytest.mark.requirement("B-45")
def test_one_slow_endpoint_delays_no_other_retry_of_its_batch(timeline: SteppedTimeline) -> None:
    world = timeline.world
    timeline.queues_deliver = False
    timeline.at(0)
    for user in ("ann", "bea", "cal"):
        timeline.configure(user)
        timeline.endpoint_answers(500, to=user).push(user, to=user)
    timeline.at(15)
    settled: list[str] = []

    def note(statements: Sequence[Statement]) -> None:
        settled.extend(str(s.parameters[0]) for s in statements if "SET\n  status" in s.sql)

    world.database.after_batch = note
    world.endpoints.behave = lambda request: answer()
    messages = [retry_message(row) for row in world.logs()]
    world.consume("retry-queue", messages)
    assert len(settled) == 3
    assert {row["status"] for row in world.logs()} == {"sent"}
