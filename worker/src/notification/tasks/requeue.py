"""Finding the notifications that neither a request nor the queue will finish."""

from collections.abc import Sequence
from typing import NamedTuple

from notification.delivery.claim import COUNT_DEATH
from notification.delivery.fallback import released_messages, resolve_statements
from notification.delivery.notification import INTERRUPTED, INTERRUPTED_TEXT, LIFE_MS
from notification.delivery.releases import select_released
from notification.delivery.retry_message import RetryMessage, enqueue
from notification.delivery.settle import EXPIRED_TEXT
from notification.identity import EPOCH_MS, first_row_id, moment_of
from notification.logging import Log
from notification.ports.database import Row, Statement
from notification.ports.platform import Platform
from notification.timestamps import iso

PAGE = 500
"""Rows of each kind in one run: after an outage a day's backlog must not take a day to requeue."""
_SETTLING_MS = 120_000
"""Younger rows are left alone: their request may be at work, or their message on its way."""

# An interrupted first attempt becomes a retry that is due at once. It spends no retry, since nobody
# knows whether the endpoint was called, but it counts among the attempts.
_REVIVE = f"""
UPDATE notification_logs SET status = 'retry', next_retry_at = ?4, updated_at = ?4,
  last_error_code = '{INTERRUPTED}', error = '{INTERRUPTED_TEXT}', {COUNT_DEATH}, lease_until = NULL
WHERE id IN (
  SELECT id FROM notification_logs
  WHERE id >= ?1 AND id < ?2 AND status = 'pending'
    AND (lease_until IS NULL OR lease_until <= ?4)
  ORDER BY id LIMIT ?3)
RETURNING id
"""  # noqa: S608 - built from constants, values are bound
_OLDEST_PENDING = """
SELECT id FROM notification_logs WHERE id >= ?1 AND id < ?2 AND status = 'pending'
ORDER BY id LIMIT 1
"""
# What is redriven, held or planned says itself when its time is over; else the id tells its age.
_GIVE_UP = """
UPDATE notification_logs SET status = 'failed', next_retry_at = NULL, lease_token = NULL,
  updated_at = ?2, last_error_code = 'EXPIRED',
  error = CASE WHEN error IS NULL THEN ?3 ELSE ?3 || '; last error: ' || error END
WHERE id IN (
  SELECT id FROM notification_logs
  WHERE status = 'retry' AND next_retry_at <= ?2 AND (lease_until IS NULL OR lease_until <= ?2)
    AND (expires_at <= ?2 OR (expires_at IS NULL AND id <= ?1))
  ORDER BY next_retry_at LIMIT ?4)
RETURNING id, retry_count
"""
# Nobody knows whether the attempt was made; after a day it would be too late anyway.
_GIVE_UP_PENDING = """
UPDATE notification_logs SET status = 'failed', lease_token = NULL, updated_at = ?4,
  last_error_code = 'EXPIRED', error = ?5
WHERE id IN (
  SELECT id FROM notification_logs
  WHERE id >= ?1 AND id < ?2 AND status = 'pending'
    AND (lease_until IS NULL OR lease_until <= ?4)
  ORDER BY id LIMIT ?3)
RETURNING id, retry_count
"""
_DUE = """
SELECT id, retry_count FROM notification_logs
WHERE status = 'retry' AND next_retry_at <= ?1 AND (lease_until IS NULL OR lease_until <= ?2)
ORDER BY next_retry_at LIMIT ?3
"""


class RequeueResult(NamedTuple):
    """How many rows were handled.

    Attributes:
        revived: interrupted first attempts that became retries.
        requeued: overdue retries that got a new message.
        expired: notifications that were given up.
        swept_to: the row id below which no pending row is left.
        let_go: the oldest ones that no hold keeps any more.
    """

    revived: int
    requeued: int
    expired: int
    swept_to: int
    let_go: Sequence[int] = ()


async def requeue_stalled(
    platform: Platform, log: Log, *, swept_to: int, look_back_ms: int = 0
) -> RequeueResult:
    """Requeue stalled notifications: one round trip to the database, and one call to each queue.

    Interrupted first attempts become retries, retries that are two minutes overdue get a new
    message, and what is older than 24 hours, or than its own end, fails.

    Args:
        platform: the platform.
        log: the log of the invocation.
        swept_to: what the last run returned; it never counts for more than the clock's present.
        look_back_ms: how far to go behind it: after a change of the clock, or from a process whose
            clock is slow, a row may lie there.

    Raises:
        DatabaseError: the database did not answer.
    """
    now_ms = platform.clock.now_ms()
    now, settled = iso(now_ms), first_row_id(now_ms - _SETTLING_MS)
    begin = max(min(swept_to, settled), 0)
    if look_back_ms and begin:
        begin = first_row_id(max(moment_of(begin) - look_back_ms, EPOCH_MS))
    overdue = iso(now_ms - _SETTLING_MS)
    day_ago = first_row_id(now_ms - LIFE_MS)
    # Each hundred rows are a call to a queue, and the databases share an invocation's calls.
    page = PAGE // len(platform.shards)
    results = await platform.database.batch(
        [
            Statement(_REVIVE, (max(begin, day_ago), settled, page, now)),
            Statement(_GIVE_UP_PENDING, (begin, day_ago, page, now, EXPIRED_TEXT)),
            Statement(_OLDEST_PENDING, (begin, settled)),
            Statement(_GIVE_UP, (day_ago, now, EXPIRED_TEXT, page)),
            Statement(_DUE, (overdue, now, page)),
            *select_released(platform, now_ms),
            *resolve_statements(None, now_ms),
        ]
    )
    revived, stale, oldest, expired, due, _, freed, fallbacks, _ = results
    ids = [int(row["id"]) for row in revived.rows]
    messages = [RetryMessage(i, 0) for i in ids] + [_message(row) for row in due.rows]
    messages += released_messages(fallbacks)
    if messages:
        await enqueue(platform.retry_queue, messages, platform=platform, log=log)
    dead = [_message(row) for row in (*stale.rows, *expired.rows)]
    if dead:
        await enqueue(platform.failed_queue, dead, platform=platform, log=log)
    left = settled if oldest.row is None else int(oldest.row["id"])
    return RequeueResult(
        len(ids), len(due.rows), len(dead), left, tuple(int(row["id"]) for row in freed.rows)
    )


def _message(row: Row) -> RetryMessage:
    return RetryMessage(int(row["id"]), int(row["retry_count"]))
