"""What the retry consumer knows of the rows before it decides which of them to claim."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from notification.delivery.endpoint_limiter import Endpoint
from notification.delivery.retry_message import RetryMessage
from notification.delivery.schedule import SELECT_MAX_RETRIES, retries_allowed
from notification.ports.database import Row, Statement
from notification.ports.platform import Platform
from notification.timestamps import iso

_ROWS = """
SELECT id, user_id, channel_type, status, retry_count, next_retry_at, length(content) AS size
FROM notification_logs WHERE id IN (SELECT value FROM json_each(?1))
"""
_PART_SIZE = 3_000
"""Characters of one part of a split text, with room for escaping: Telegram takes 4,096."""


class RowSnapshot(NamedTuple):
    """A row as it was when the batch began.

    Attributes:
        endpoint: the recipient and channel.
        due: whether the row waits for the attempt that the message asks for, and its time has come.
        early_until: the time at which it will be due, as ISO text; None unless that lies ahead.
        calls: the most calls that an attempt may make.
    """

    endpoint: Endpoint
    due: bool
    early_until: str | None
    calls: int


async def load_snapshots(
    messages: Sequence[RetryMessage], platform: Platform
) -> tuple[dict[RetryMessage, RowSnapshot], int]:
    """Read the rows of a whole batch and the configured number of retries, in one round trip.

    Returns:
        The snapshots of the rows that exist, by message, and how often a notification is retried.

    Raises:
        DatabaseError: the database did not answer.
    """
    ids = json.dumps([message.log_id for message in messages])
    found, setting = await platform.database.batch([Statement(_ROWS, (ids,)), SELECT_MAX_RETRIES])
    rows = {row["id"]: row for row in found.rows}
    now = iso(platform.clock.now_ms())
    snapshots = {m: _snapshot(rows[m.log_id], m, now) for m in messages if m.log_id in rows}
    return snapshots, retries_allowed(setting, platform)


def _waits_for(row: Row, message: RetryMessage) -> bool:
    return row["retry_count"] == message.retry_count and row["status"] in ("pending", "retry")


def _snapshot(row: Row, message: RetryMessage, now: str) -> RowSnapshot:
    due_at = str(row["next_retry_at"] or "")
    matches = _waits_for(row, message)
    early = matches and row["status"] == "retry" and due_at > now
    channel = str(row["channel_type"])
    size = int(row["size"] or 0)
    return RowSnapshot(
        endpoint=(str(row["user_id"]), channel),
        due=matches and due_at <= now,
        early_until=due_at if early else None,
        calls=1 + size // _PART_SIZE if channel == "telegram" else 1,
    )
