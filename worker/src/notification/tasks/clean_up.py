"""Deleting what is past its time: notifications, idempotency keys and task records."""

from typing import NamedTuple

from notification.delivery.endpoint_lines import delete_idle_lines
from notification.ports.database import Statement
from notification.ports.platform import Platform
from notification.storage.log_retention import PAGE, delete_older, retention_hours
from notification.timestamps import DAY_MS, HOUR_MS, iso

_MAX_PAGES = 10
_RECORD_DAYS = 30

_DELETE_KEYS = """
DELETE FROM idempotency_keys WHERE (user_id, idempotency_key) IN (
  SELECT user_id, idempotency_key FROM idempotency_keys WHERE expires_at <= ?1 LIMIT ?2)
"""
_DELETE_RECORDS = "DELETE FROM task_execution_records WHERE id < ?1"
_OLDEST_KEPT = """
SELECT MIN(id) AS oldest FROM task_execution_records WHERE execution_time >= ?1
"""


class CleanUpResult(NamedTuple):
    """How many rows were deleted; `…_left` is not 0 if the next run has to go on."""

    notifications: int
    keys: int
    task_records: int
    logs_left: int
    keys_left: int


async def clean_up(platform: Platform, *, hourly: bool) -> CleanUpResult:
    """Delete settled notifications past their retention; `hourly` also expired keys and records.

    A run deletes at most ten pages of a thousand each of one database, and the next run goes on.

    Raises:
        DatabaseError: the database did not answer.
    """
    now_ms = platform.clock.now_ms()
    before_ms = now_ms - await retention_hours(platform) * HOUR_MS
    logs = await delete_older(platform.database, before_ms, now=iso(now_ms), max_pages=_MAX_PAGES)
    keys = keys_left = records = 0
    if hourly:
        keys, keys_left = await _delete_keys(platform, now_ms)
        if platform.shard == 0:
            records = await _delete_records(platform, now_ms)
        await platform.database.batch([delete_idle_lines(now_ms)])
    return CleanUpResult(logs.rows, keys, records, PAGE if logs.more else 0, keys_left)


async def _delete_keys(platform: Platform, now_ms: int) -> tuple[int, int]:
    deleted = 0
    for _ in range(_MAX_PAGES):
        [page] = await platform.database.batch([Statement(_DELETE_KEYS, (iso(now_ms), PAGE))])
        deleted += page.changes
        if page.changes < PAGE:
            return deleted, 0
    return deleted, PAGE


async def _delete_records(platform: Platform, now_ms: int) -> int:
    since = iso(now_ms - _RECORD_DAYS * DAY_MS)
    [kept] = await platform.database.batch([Statement(_OLDEST_KEPT, (since,))])
    [row] = kept.rows
    oldest = row["oldest"]
    if oldest is None:
        return 0
    [deleted] = await platform.database.batch([Statement(_DELETE_RECORDS, (oldest,))])
    return deleted.changes
