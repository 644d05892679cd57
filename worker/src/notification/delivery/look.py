"""What the consumer must know of the rows before it decides which to take."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from notification.delivery.alarm import Alarm
from notification.delivery.endpoint_pace import Endpoint
from notification.journal import iso
from notification.ports.database import Row, Statement
from notification.ports.platform import Platform
from notification.storage.system_settings import MAX_RETRIES, retries_allowed

_ROWS = """
SELECT id, user_id, channel_type, status, retry_count, next_retry_at, length(content) AS size
FROM notification_logs WHERE id IN (SELECT value FROM json_each(?1))
"""
_PART = 3_000
"""Characters of a part of a split text, escaping allowed for: Telegram takes 4,096."""


class Glance(NamedTuple):
    """A row as it was when the batch began."""

    endpoint: Endpoint
    due: bool
    """Whether it waits for the attempt that its alarm rings for, and its time has come."""
    early_until: str | None
    """The time for which it waits."""
    calls: int
    """How many calls an attempt may take."""


async def look(alarms: Sequence[Alarm], platform: Platform) -> tuple[dict[Alarm, Glance], int]:
    """The rows that are there, by alarm, and how often a notification is retried.

    One round trip for a whole batch. Raises `DatabaseError`.
    """
    ids = json.dumps([alarm.log_id for alarm in alarms])
    found, setting = await platform.database.batch([Statement(_ROWS, (ids,)), MAX_RETRIES])
    rows = {row["id"]: row for row in found.rows}
    now = iso(platform.clock.now_ms())
    glances = {a: _glance(rows[a.log_id], a, now) for a in alarms if a.log_id in rows}
    return glances, retries_allowed(setting, platform)


def _waits_for(row: Row, alarm: Alarm) -> bool:
    return row["retry_count"] == alarm.retry_count and row["status"] in ("pending", "retry")


def _glance(row: Row, alarm: Alarm, now: str) -> Glance:
    due = str(row["next_retry_at"] or "")
    fits = _waits_for(row, alarm)
    early = fits and row["status"] == "retry" and due > now
    channel = str(row["channel_type"])
    size = int(row["size"] or 0)
    return Glance(
        endpoint=(str(row["user_id"]), channel),
        due=fits and due <= now,
        early_until=due if early else None,
        calls=1 + size // _PART if channel == "telegram" else 1,
    )
