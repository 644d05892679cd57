"""What the consumer makes of each message, with the times that it names."""

from __future__ import annotations

import pytest

from notification.timestamps import iso
from tests.worker.endpoints import answer
from tests.worker.queues import Delivered, Waiting, retry_message
from tests.worker.world import World


class Fixed:
    """Randomness whose every byte is the same."""

    def __init__(self, byte: int) -> None:
        self._byte = byte

    def token_bytes(self, count: int) -> bytes:
        return bytes([self._byte]) * count


@pytest.fixture
def broken(world: World) -> World:
    """One notification that waits for its retry, at no round time."""
    world.clock.ms += 123_457
    world.configure()
    world.endpoints.behave = lambda request: answer(500)
    world.send()
    world.retry_queue.waiting.clear()
    world.log_sink.lines.clear()
    return world


def due_in(world: World, ms: int) -> None:
    world.database.connection.execute(
        "UPDATE notification_logs SET next_retry_at = ?", (iso(world.clock.ms + ms),)
    )


def consumed(world: World) -> Delivered:
    message = retry_message(world.logs()[0])
    world.consume("retry-queue", [message])
    return message


def outcomes(world: World) -> list[str]:
    lines = world.log_sink.of_type("queue_message")
    assert all(line["queue"] == "retry-queue" for line in lines)
    return [line["outcome"] for line in lines]


@pytest.mark.parametrize(("ms", "seconds"), [(1, 1), (1_000, 1), (1_001, 2), (60_000, 60)])
def test_what_is_a_little_early_comes_again_in_whole_seconds(
    broken: World, ms: int, seconds: int
) -> None:
    due_in(broken, ms)
    assert consumed(broken).outcome == seconds
    assert (outcomes(broken), broken.retry_queue.waiting) == (["early"], [])


def test_what_is_more_than_a_minute_early_gets_a_new_message_for_its_time(broken: World) -> None:
    due_in(broken, 60_001)
    assert consumed(broken).outcome == "acknowledged"
    [waiting] = broken.retry_queue.waiting
    assert waiting.body["expectedProcessAt"] == broken.clock.ms + 60_001
    assert waiting.due_ms == broken.clock.ms + 61_000
    assert outcomes(broken) == ["put off"]


@pytest.mark.parametrize(("byte", "spread_ms"), [(0, 0), (0xFF, 2_000)])
def test_what_is_put_off_is_spread_over_as_long_as_it_waits_and_two_seconds_at_least(
    broken: World, byte: int, spread_ms: int
) -> None:
    # Seven at one endpoint: four are attempted, the others wait for the next batch.
    for _ in range(6):
        broken.send()
    broken.retry_queue.waiting.clear()
    due_in(broken, 0)
    broken.randomness = Fixed(byte)  # type: ignore[assignment]
    messages = [retry_message(row) for row in broken.logs()]
    broken.consume("retry-queue", messages)
    assert {message.outcome for message in messages} == {"acknowledged"}
    now_ms = broken.clock.ms
    waits = [
        waiting.body["expectedProcessAt"] - now_ms
        for waiting in broken.retry_queue.waiting
        if waiting.body["retryCount"] == 1
    ]
    assert waits == [1_000 + spread_ms] * 3
    assert outcomes(broken).count("put off") == 3


def test_what_cannot_be_queued_comes_again_in_half_a_minute(broken: World) -> None:
    due_in(broken, 60_001)
    broken.retry_queue.down = True
    assert consumed(broken).outcome == 30
    assert outcomes(broken) == ["put off"]


def test_what_is_no_message_is_dropped_and_said(broken: World) -> None:
    nonsense = Delivered(Waiting({"type": "retry_notification", "logId": "x"}, 0))
    broken.consume("retry-queue", [nonsense])
    assert nonsense.outcome == "acknowledged"
    [line] = broken.log_sink.of_type("queue_message")
    assert (line["level"], line["message"]) == ("error", "Unreadable queue message dropped")


def test_what_is_gone_or_overtaken_is_acknowledged(broken: World) -> None:
    row = broken.logs()[0]
    gone, overtaken = retry_message(row, logId=1), retry_message(row, retryCount=9)
    broken.consume("retry-queue", [gone, overtaken])
    assert (gone.outcome, overtaken.outcome) == ("acknowledged", "acknowledged")
    assert outcomes(broken) == ["gone", "overtaken"]
