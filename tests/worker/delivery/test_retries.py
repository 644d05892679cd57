"""Retries, dead letters and what the queue may do wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from notification.delivery.schedule import retry_delay_ms
from notification.ports.database import DatabaseError, Statement
from tests.worker.endpoints import answer
from tests.worker.queues import Delivered, Waiting
from tests.worker.surroundings import SeededRandomness
from tests.worker.timeline import Timeline
from tests.worker.world import World


@pytest.fixture
def timeline(world: World) -> Timeline:
    world.configure()
    return Timeline(world)


def _message(row: dict[str, Any], **changes: Any) -> Delivered:
    body = {
        "v": 1,
        "type": "retry_notification",
        "logId": row["id"],
        "retryCount": row["retry_count"],
    }
    return Delivered(Waiting({**body, **changes}, 0))


@pytest.mark.requirement("B-01")
def test_a_dead_endpoint_sees_three_requests_and_the_row_ends_failed(timeline: Timeline) -> None:
    timeline.endpoint_answers(500).at(0).send().expect(attempts=1, status="retry", retries=1)
    timeline.at(12).expect(attempts=2, status="retry", retries=2)
    timeline.at(50).expect(attempts=3, status="failed", retries=2, dead_letters=1)
    timeline.at(4000).expect(attempts=3, status="failed", dead_letters=1)
    [row] = timeline.world.logs()
    assert row["error"] == "HTTP 500: said so (maximum retries exceeded - moved to DLQ)"
    assert [a["status_code"] for a in json.loads(row["attempts"])] == [500, 500, 500]
    ids = {r.headers["X-Notification-MessageId"] for _, r in timeline.world.endpoints.received}
    assert ids == {row["message_id"]}


def test_the_retries_come_after_ten_and_thirty_seconds_give_or_take_a_tenth(
    timeline: Timeline,
) -> None:
    timeline.endpoint_answers(500).at(0).send().at(60)
    first, second, third = timeline.attempt_times()
    assert 9 <= second - first <= 12
    assert 27 <= third - second <= 34


@pytest.mark.parametrize(("retry", "base"), [(1, 10), (2, 30), (3, 60), (4, 300), (5, 900)])
def test_jitter_stays_within_a_tenth(retry: int, base: int) -> None:
    randomness = SeededRandomness()
    delays = [retry_delay_ms(retry, retry_after_s=0, randomness=randomness) for _ in range(300)]
    assert min(delays) >= base * 900
    assert max(delays) <= base * 1100
    assert len(set(delays)) > 100


def test_an_endpoint_that_recovers_gets_it_once(timeline: Timeline) -> None:
    timeline.endpoint_answers(503).at(0).send()
    timeline.at(5).endpoint_answers(200)
    timeline.at(15).expect(attempts=2, status="sent", retries=1, dead_letters=0)
    timeline.at(1000).expect(attempts=2, status="sent")
    assert timeline.world.logs()[0]["error"] is None


def test_a_permanent_error_stops_at_once(timeline: Timeline) -> None:
    timeline.endpoint_answers(404).at(0).send().expect(attempts=1, status="failed", retries=0)
    timeline.at(1000).expect(attempts=1, dead_letters=0)


def test_retry_after_is_honoured(timeline: Timeline) -> None:
    timeline.endpoint_answers(429, retry_after="120").at(0).send()
    timeline.endpoint_answers(200).at(119).expect(attempts=1)
    timeline.at(125).expect(attempts=2, status="sent")


@pytest.mark.requirement("C-0.8", "C-3.5")
def test_more_retries_where_they_are_configured(timeline: Timeline) -> None:
    timeline.world.database.connection.execute(
        "INSERT INTO system_configs (config_key, config_value) VALUES ('max_retry_attempts', '4')"
    )
    timeline.endpoint_answers(500).at(0).send().at(600)
    timeline.expect(attempts=5, status="failed", retries=4)


@pytest.mark.requirement("B-43")
def test_what_the_queue_loses_the_sweep_finds(timeline: Timeline) -> None:
    timeline.endpoint_answers(500).at(0).send().queue_loses_everything()
    timeline.endpoint_answers(200).at(295).expect(attempts=1)
    timeline.at(305).expect(attempts=2, status="sent")


def test_a_queue_that_is_down_delays_and_loses_nothing(timeline: Timeline) -> None:
    timeline.world.retry_queue.down = True
    timeline.endpoint_answers(500).at(0).send().expect(status="retry")
    assert timeline.answers[0].json["results"][0]["status"] == "retry_scheduled"
    timeline.world.retry_queue.down = False
    timeline.endpoint_answers(200).at(305).expect(attempts=2, status="sent")


def test_a_row_that_is_24_hours_old_fails_visibly(timeline: Timeline) -> None:
    timeline.world.retry_queue.down = True
    timeline.endpoint_answers(500).at(0).send().at(86_000).expect(status="retry")
    timeline.at(87_300).expect(attempts=1, status="failed")
    assert "Not delivered within 24 hours; last error: HTTP 500" in str(
        timeline.world.logs()[0]["error"]
    )


def test_a_repeated_message_is_delivered_once(timeline: Timeline) -> None:
    world = timeline.world
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).send().endpoint_answers(200).at(15)
    [row] = world.logs()
    twice = [_message(row), _message(row)]
    world.consume("retry-queue", twice)
    world.consume("retry-queue", [_message(row)])
    timeline.expect(attempts=2, status="sent")
    assert [d.outcome for d in twice] == ["acknowledged"] * 2


@pytest.mark.requirement("B-04", "B-42")
@pytest.mark.parametrize("status", ["failed", "cancelled", "sent"])
def test_a_message_for_a_settled_row_is_acknowledged_unsent(
    timeline: Timeline, status: str
) -> None:
    world = timeline.world
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).send().at(15)
    world.database.connection.execute(
        "UPDATE notification_logs SET status = ?, sent_at = created_at", (status,)
    )
    message = _message(world.logs()[0])
    world.consume("retry-queue", [message])
    assert message.outcome == "acknowledged"
    timeline.expect(attempts=1, status=status)


@pytest.mark.parametrize("changes", [{"retryCount": 0}, {"retryCount": 2}, {"logId": 12345}])
def test_a_message_that_was_overtaken_is_acknowledged(
    timeline: Timeline, changes: dict[str, int]
) -> None:
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).send().at(15)
    message = _message(timeline.world.logs()[0], **changes)
    timeline.world.consume("retry-queue", [message])
    assert message.outcome == "acknowledged"
    timeline.expect(attempts=1, status="retry")


def test_an_early_message_is_delivered_again_when_its_time_has_come(timeline: Timeline) -> None:
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).send().at(4)
    message = _message(timeline.world.logs()[0])
    timeline.world.consume("retry-queue", [message])
    assert isinstance(message.outcome, int)
    assert 5 <= message.outcome <= 8
    timeline.expect(attempts=1)


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
def test_a_poison_message_is_logged_and_blocks_nobody(timeline: Timeline, body: Any) -> None:
    world = timeline.world
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).send().endpoint_answers(200).at(15)
    poison, good = Delivered(Waiting(body, 0)), _message(world.logs()[0])
    world.consume("retry-queue", [poison, good])
    assert (poison.outcome, good.outcome) == ("acknowledged", "acknowledged")
    timeline.expect(attempts=2, status="sent")
    assert len(world.journal.of_type("queue_message")) == 2


@pytest.mark.requirement("C-0.28")
def test_messages_of_the_older_format_are_read(timeline: Timeline) -> None:
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).send().endpoint_answers(200).at(15)
    message = _message(timeline.world.logs()[0], scheduledAt=1, expectedProcessAt=2)
    del message.body["v"]
    timeline.world.consume("retry-queue", [message])
    timeline.expect(attempts=2, status="sent")


@pytest.mark.requirement("B-03b", "B-03")
def test_queues_are_known_by_name_and_an_unknown_one_is_never_acknowledged(
    timeline: Timeline,
) -> None:
    world = timeline.world
    for name in (
        "retry-queue",
        "retry-queue-dev",
        "failed-queue",
        "failed-queue-dev",
        "failed-notifications-dlq",
        "failed-notifications-dlq-dev",
    ):
        message = Delivered(Waiting({"type": "retry_notification", "logId": 1, "retryCount": 0}, 0))
        world.consume(name, [message])
        assert message.outcome == "acknowledged", name
    message = Delivered(Waiting({}, 0))
    world.consume("who-knows", [message])
    assert message.outcome == 30


def test_a_database_that_fails_makes_the_queue_repeat(timeline: Timeline) -> None:
    world = timeline.world
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).send().at(15)

    def fail(statements: Sequence[Statement]) -> None:
        raise DatabaseError("down")

    row = world.logs()[0]
    world.database.before_batch = fail
    for queue in ("retry-queue", "failed-queue"):
        message = _message(row)
        world.consume(queue, [message])
        assert message.outcome == 30
    timeline.expect(attempts=1)


def test_an_outcome_that_cannot_be_written_is_never_acknowledged(timeline: Timeline) -> None:
    world = timeline.world
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).send().endpoint_answers(200).at(15)

    def fail(statements: Sequence[Statement]) -> None:
        if "SET\n  status" in statements[0].sql:
            raise DatabaseError("down")

    world.database.before_batch = fail
    message = _message(world.logs()[0])
    world.consume("retry-queue", [message])
    assert message.outcome == 30
    assert len(world.journal.of_type("delivery_unrecorded")) == 1


def test_a_retry_uses_the_configuration_of_now(timeline: Timeline) -> None:
    timeline.endpoint_answers(500).at(0).send()
    timeline.world.configure(webhook_url="https://new.example.com/")
    timeline.endpoint_answers(200).at(15).expect(attempts=2, status="sent")
    assert timeline.world.endpoints.received[1][1].url == "https://new.example.com/"


def test_a_retry_without_a_configuration_fails_visibly(timeline: Timeline) -> None:
    timeline.endpoint_answers(500).at(0).send()
    timeline.world.request("DELETE", "/api/user-configs?user_id=u1&channel_type=webhook")
    timeline.at(15).expect(attempts=1, status="failed")
    row = timeline.world.logs()[0]
    assert row["error"] == "No active configuration for channel webhook"
    assert row["last_error_code"] == "CHANNEL_NOT_CONFIGURED"


@pytest.mark.requirement("C-0.4")
def test_a_dead_letter_of_a_row_that_is_not_exhausted_is_left_to_the_sweep(
    timeline: Timeline,
) -> None:
    timeline.queues_deliver = False
    timeline.endpoint_answers(500).at(0).send()
    message = _message(timeline.world.logs()[0])
    timeline.world.consume("failed-queue", [message])
    assert message.outcome == "acknowledged"
    timeline.expect(status="retry", dead_letters=0)


def test_a_repeated_dead_letter_is_told_once(timeline: Timeline) -> None:
    timeline.endpoint_answers(500).at(0).send().at(60)
    row = timeline.world.logs()[0]
    timeline.world.consume("failed-queue", [_message(row)])
    timeline.expect(dead_letters=1)
    assert str(timeline.world.logs()[0]["error"]).count("moved to DLQ") == 1


@pytest.mark.requirement("B-45")
def test_one_slow_endpoint_delays_no_other_retry_of_its_batch(timeline: Timeline) -> None:
    world = timeline.world
    timeline.queues_deliver = False
    timeline.endpoint_answers(500)
    for user in ("u1", "u2", "u3"):
        world.configure(user)
        timeline.send(user_id=user)
    timeline.at(15)
    settled: list[str] = []

    def note(statements: Sequence[Statement]) -> None:
        settled.extend(str(s.parameters[0]) for s in statements if "SET\n  status" in s.sql)

    world.database.after_batch = note
    world.endpoints.behave = lambda request: answer()
    messages = [_message(row) for row in world.logs()]
    world.consume("retry-queue", messages)
    assert len(settled) == 3
    assert {row["status"] for row in world.logs()} == {"sent"}
