"""Manual retries of failed notifications, and cancelling notifications."""

from collections.abc import Sequence
from typing import NamedTuple

from notification.delivery.retry_message import RetryMessage, enqueue
from notification.errors import ServiceError
from notification.identity import first_row_id, row_id_of
from notification.logging import Log
from notification.ports.database import Row, Statement, Value
from notification.ports.platform import Platform
from notification.timestamps import iso

MAX_REDRIVES = 100
DISCARDED = "Discarded by operator"

# The row changes before anything is queued, so that two callers can't queue it twice.
_REDRIVE = """
UPDATE notification_logs SET status = 'retry', retry_count = 0, redrives = redrives + 1,
  next_retry_at = ?1, lease_token = NULL, lease_until = NULL, updated_at = ?1
WHERE id IN ({chosen}) AND status = 'failed'
RETURNING id
"""
_MANY = """
SELECT id FROM notification_logs
WHERE status = 'failed' AND id >= ?2 AND (?3 IS NULL OR user_id = ?3)
  AND (?4 IS NULL OR channel_type = ?4)
  AND (json_extract(attempts, '$[#-1].retryable') = 1 OR last_error_code = 'EXPIRED')
ORDER BY id LIMIT ?5
"""
_FIND = "SELECT id, status FROM notification_logs WHERE {condition}"
# Removes the token: an attempt that outlived its lease must not revive what was ended.
_SETTLE_RETRIES = """
UPDATE notification_logs SET status = ?1, error = ?2, next_retry_at = NULL, lease_token = NULL,
  updated_at = ?3
WHERE status = 'retry' AND (lease_until IS NULL OR lease_until <= ?3)
  AND (?4 IS NULL OR id IN (SELECT value FROM json_each(?4)))
"""
_DISCARD = """
UPDATE notification_logs SET status = 'cancelled', error = ?2, updated_at = ?3
WHERE status = 'failed' AND id IN (SELECT value FROM json_each(?1))
"""


class RedriveFilter(NamedTuple):
    """Which failed notifications to retry; only those whose last error was worth a retry."""

    user_id: str | None = None
    channel: str | None = None
    limit: int = MAX_REDRIVES
    max_age_hours: int = 24


class Redrive:
    """Turns failed notifications into retries, with a new retry count and the same message id."""

    def __init__(self, platform: Platform, log: Log) -> None:
        self._platform = platform
        self._log = log

    async def many(self, chosen: RedriveFilter) -> int:
        """Retry the chosen notifications and return their number."""
        now_ms = self._platform.clock.now_ms()
        oldest = first_row_id(now_ms - chosen.max_age_hours * 3_600_000)
        parameters = (iso(now_ms), oldest, chosen.user_id, chosen.channel, chosen.limit)
        return await self._take(_REDRIVE.format(chosen=_MANY), parameters)

    async def one(self, *, log_id: int | None, message_id: str | None) -> int:
        """Retry one notification.

        Returns:
            1, or 0 if the notification did not fail.

        Raises:
            ServiceError: NOT_FOUND, or LOG_IN_FLIGHT while it is still being delivered.
        """
        row = await self._find(log_id, message_id)
        if row is None:
            raise ServiceError("NOT_FOUND", "Log not found")
        if row["status"] in ("pending", "retry"):
            raise ServiceError("LOG_IN_FLIGHT", "The notification is still being delivered")
        now = iso(self._platform.clock.now_ms())
        return await self._take(_REDRIVE.format(chosen="?2"), (now, row["id"]))

    async def _take(self, sql: str, parameters: tuple[Value, ...]) -> int:
        [result] = await self._platform.database.batch([Statement(sql, parameters)])
        messages = [RetryMessage(int(row["id"] or 0), 0) for row in result.rows]
        if messages:
            await enqueue(
                self._platform.retry_queue, messages, platform=self._platform, log=self._log
            )
        return len(messages)

    async def _find(self, log_id: int | None, message_id: str | None) -> Row | None:
        if log_id is not None:
            statement = Statement(_FIND.format(condition="id = ?1"), (log_id,))
        else:
            text = message_id or ""
            row_id = row_id_of(text)
            legacy = "message_id = ?1 AND substr(message_id, 1, 4) <> 'ntf_'"
            condition = legacy if row_id is None else "message_id = ?1 AND id = ?2"
            values: tuple[Value, ...] = (text,) if row_id is None else (text, row_id)
            statement = Statement(_FIND.format(condition=condition), values)
        [result] = await self._platform.database.batch([statement])
        return result.rows[0] if result.rows else None


async def settle_retries(
    platform: Platform, ids: Sequence[int] | None, *, as_failed: bool, error: str
) -> int:
    """End waiting retries as `failed` or `cancelled`, and return their number.

    A retry whose attempt is under way is left alone. Messages that are still queued find the rows
    settled.

    Args:
        platform: the platform.
        ids: the rows; None for all.
        as_failed: whether they end as `failed` or as `cancelled`.
        error: the error text of the rows.
    """
    status = "failed" if as_failed else "cancelled"
    chosen = None if ids is None else str(list(ids))
    now = iso(platform.clock.now_ms())
    statement = Statement(_SETTLE_RETRIES, (status, error, now, chosen))
    [result] = await platform.database.batch([statement])
    return result.changes


async def discard_failed(platform: Platform, ids: Sequence[int]) -> int:
    """Acknowledge dead letters: failed notifications become cancelled. Return their number."""
    now = iso(platform.clock.now_ms())
    statement = Statement(_DISCARD, (str(list(ids)), DISCARDED, now))
    [result] = await platform.database.batch([statement])
    return result.changes
