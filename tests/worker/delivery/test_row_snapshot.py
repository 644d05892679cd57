"""What the consumer knows of a row before it claims it."""

from __future__ import annotations

import pytest

from notification.delivery.retry_message import RetryMessage
from notification.delivery.row_snapshot import RowSnapshot, load_snapshots
from notification.timestamps import DAY_MS, iso
from tests.worker.endpoints import answer
from tests.worker.surroundings import START_MS
from tests.worker.world import World

CONFIGS = {
    "webhook": {"webhook_url": "https://hooks.example.com/in"},
    "telegram": {"bot_token": "1:" + "a" * 30, "chat_id": "1"},
    "lark": {"webhook_url": "https://open.larksuite.com/open-apis/bot/v2/hook/x"},
    "slack": {"webhook_url": "https://hooks.slack.com/services/T0/B0/x"},
    "discord": {"webhook_url": "https://discord.com/api/webhooks/1/token"},
    "ntfy": {"topic": "t"},
    "googlechat": {"webhook_url": "https://chat.googleapis.com/v1/spaces/a/messages?key=k&token=t"},
}


def snapshot(world: World, *, retry_count: int = 1) -> RowSnapshot:
    message = RetryMessage(world.logs()[-1]["id"], retry_count)
    return world.run(load_snapshots([message], world.platform())).rows[message]


def failed(world: World, channel: str = "webhook", size: int = 1) -> None:
    world.configure("u1", channel, **CONFIGS[channel])
    world.endpoints.behave = lambda request: answer(500)
    world.send(channels=[channel], custom_content={"content": "x" * size})


@pytest.mark.requirement("C-0.26")
@pytest.mark.parametrize(
    ("channel", "size", "calls"),
    [
        ("webhook", 100_000, 1),
        ("telegram", 1_799, 2),
        ("telegram", 1_800, 4),
        ("telegram", 100_000, 6),
        ("lark", 9_000, 2),
        ("slack", 30_000, 2),
        ("discord", 699, 1),
        ("discord", 700, 2),
        ("discord", 100_000, 3),
        ("ntfy", 999, 1),
        ("ntfy", 100_000, 3),
        ("googlechat", 1_099, 1),
        ("googlechat", 100_000, 3),
    ],
)
def test_a_rows_attempt_is_counted_with_the_most_calls_that_it_may_make(
    world: World, channel: str, size: int, calls: int
) -> None:
    failed(world, channel, size)
    found = snapshot(world)
    assert (found.calls, found.recipient) == (calls, ("u1", channel))


def test_a_row_is_due_from_its_time_on_and_for_its_own_message(world: World) -> None:
    failed(world)
    due_ms = START_MS + 12_000
    world.database.connection.execute(
        "UPDATE notification_logs SET next_retry_at = ?", (iso(due_ms),)
    )
    early = snapshot(world)
    assert (early.due, early.early_until_ms) == (False, due_ms)
    assert early.expires_ms == START_MS + DAY_MS
    other = snapshot(world, retry_count=0)
    assert (other.due, other.early_until_ms) == (False, 0)
    world.clock.ms = due_ms
    assert (snapshot(world).due, snapshot(world).early_until_ms) == (True, 0)
    world.database.connection.execute("UPDATE notification_logs SET status = 'failed'")
    assert (snapshot(world).due, snapshot(world).early_until_ms) == (False, 0)


def test_a_row_that_never_had_a_text_is_read_too(world: World) -> None:
    failed(world)
    world.database.connection.execute(
        "UPDATE notification_logs SET status = 'failed', content = NULL"
    )
    found = snapshot(world)
    assert (found.due, found.calls) == (False, 1)


def test_an_interrupted_first_attempt_is_due_too(world: World) -> None:
    failed(world)
    world.database.connection.execute(
        "UPDATE notification_logs SET status = 'pending', next_retry_at = NULL"
    )
    assert snapshot(world).due


def test_rows_that_are_gone_are_not_among_the_snapshots(world: World) -> None:
    gone = RetryMessage(5, 0)
    assert world.run(load_snapshots([gone], world.platform())).rows == {}
