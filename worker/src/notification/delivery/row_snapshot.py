"""What the retry consumer knows of the rows before it decides which of them to claim."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from notification.channels.channel import MAX_PARTS, base_channel
from notification.channels.registry import CHANNELS
from notification.delivery.endpoint_lines import (
    Endpoint,
    Obstacles,
    read_obstacles,
    select_obstacles_of_rows,
)
from notification.delivery.notification import expiry_ms
from notification.delivery.retry_message import RetryMessage
from notification.delivery.schedule import SELECT_MAX_RETRIES, retries_allowed
from notification.ports.database import Row, Statement
from notification.ports.platform import Platform
from notification.timestamps import from_iso, iso

_ROWS = """
SELECT id, user_id, channel_type, status, retry_count, next_retry_at, expires_at,
  length(COALESCE(content, '')) AS size, COALESCE((
    SELECT endpoint FROM user_configs
    WHERE user_id = log.user_id AND channel_type = log.channel_type),
    user_id || ' ' || channel_type) AS endpoint
FROM notification_logs AS log WHERE id IN (SELECT value FROM json_each(?1))
"""


class RowSnapshot(NamedTuple):
    """A row as it was when the batch began.

    Attributes:
        recipient: the recipient and channel.
        endpoint: the id of the endpoint that their configuration leads to.
        due: whether the row waits for the attempt that the message asks for, and its time has come.
        early_until_ms: the time at which it will be due; 0 unless that lies ahead.
        calls: the most calls that an attempt may make.
        expires_ms: the end of its time.
    """

    recipient: Endpoint
    endpoint: str
    due: bool
    early_until_ms: int
    calls: int
    expires_ms: int


class Snapshots(NamedTuple):
    """What a batch depends on.

    Attributes:
        rows: the rows that exist, by message.
        max_retries: how often a notification is retried.
        obstacles: what stands before the rows' endpoints.
    """

    rows: dict[RetryMessage, RowSnapshot]
    max_retries: int
    obstacles: Obstacles


async def load_snapshots(messages: Sequence[RetryMessage], platform: Platform) -> Snapshots:
    """Read the rows of a whole batch and what they depend on, in one round trip.

    Lines that stand in another database take one more.

    Raises:
        DatabaseError: the database did not answer.
    """
    ids = json.dumps([message.log_id for message in messages])
    now_ms = platform.clock.now_ms()
    found, setting, *obstacles = await platform.database.batch(
        [
            Statement(_ROWS, (ids,)),
            SELECT_MAX_RETRIES,
            *select_obstacles_of_rows(ids, now_ms),
        ]
    )
    stand_before = read_obstacles(obstacles)
    if platform.is_sharded and stand_before.lines:
        # Imported where there are several databases.
        from notification.delivery.shared_lines import ask_lines

        stand_before = await ask_lines(stand_before, platform)
    rows = {row["id"]: row for row in found.rows}
    return Snapshots(
        {m: _snapshot(rows[m.log_id], m, iso(now_ms)) for m in messages if m.log_id in rows},
        retries_allowed(setting, platform),
        stand_before,
    )


def _waits_for(row: Row, message: RetryMessage) -> bool:
    return row["retry_count"] == message.retry_count and row["status"] in ("pending", "retry")


def _snapshot(row: Row, message: RetryMessage, now: str) -> RowSnapshot:
    due_at = str(row["next_retry_at"] or "")
    matches = _waits_for(row, message)
    early = matches and row["status"] == "retry" and due_at > now
    channel = str(row["channel_type"])
    size = int(row["size"])
    return RowSnapshot(
        recipient=(str(row["user_id"]), channel),
        endpoint=str(row["endpoint"]),
        due=matches and due_at <= now,
        early_until_ms=from_iso(due_at) if early else 0,
        calls=_most_calls(base_channel(channel), size),
        expires_ms=expiry_ms(int(row["id"]), row["expires_at"]),
    )


def _most_calls(channel: str, size: int) -> int:
    if channel not in CHANNELS:
        return 1
    known = CHANNELS[channel]
    parts = min(1 + size // known.part_size, MAX_PARTS) if known.part_size else 1
    # A part whose markup is refused goes once more without.
    return 2 * parts if known.has_plain else parts
