"""Which consumer gets a batch, and what the cron does with a failure."""

from __future__ import annotations

import pytest

from notification.ports.database import DatabaseError
from tests.worker.queues import Delivered, Waiting
from tests.worker.world import World


@pytest.mark.requirement("B-03b", "B-03")
@pytest.mark.parametrize(
    "name",
    [
        "retry-queue",
        "retry-queue-dev",
        "failed-queue",
        "failed-queue-dev",
        "failed-notifications-dlq",
        "failed-notifications-dlq-dev",
    ],
)
def test_queues_are_recognised_by_name(world: World, name: str) -> None:
    message = Delivered(Waiting({"type": "retry_notification", "logId": 1, "retryCount": 0}, 0))
    world.consume(name, [message])
    assert message.outcome == "acknowledged"


def test_queues_may_have_configured_names(world: World) -> None:
    world.environment |= {"RETRY_QUEUE_NAME": "later", "FAILED_QUEUE_NAME": "never"}
    for name, said in (("later", "queue message"), ("never", "dead letter")):
        world.log_sink.lines.clear()
        message = Delivered(Waiting({}, 0))
        world.consume(name, [message])
        assert message.outcome == "acknowledged"
        assert said in world.log_sink.lines[0]["message"]


@pytest.mark.requirement("B-03b", "B-03")
def test_a_message_of_an_unknown_queue_is_never_acknowledged(world: World) -> None:
    message = Delivered(Waiting({}, 0))
    world.consume("who-knows", [message])
    assert message.outcome == 30
    assert world.log_sink.lines[0]["message"] == "Unknown queue"


def test_a_failing_cron_shows_its_failure_to_the_platform(world: World) -> None:
    def fail(statements: object) -> None:
        raise DatabaseError("away")

    world.database.before_batch = fail
    with pytest.raises(DatabaseError):
        world.cron()
