"""Deleting what nobody needs any more."""

from typing import NamedTuple

from notification.identity import first_row_id
from notification.logging import iso
from notification.ports.database import Statement
from notification.ports.platform import Platform
from notification.storage.log_removal import removal
from notification.storage.system_settings import retention_hours

PAGE = 1_000
_MAX_PAGES = 10

_OLD = """
SELECT id FROM notification_logs
WHERE id < ?1 AND status IN ('sent', 'failed', 'cancelled') ORDER BY id LIMIT ?2
"""
_DELETE_KEYS = """
DELETE FROM idempotency_keys WHERE (user_id, idempotency_key) IN (
  SELECT user_id, idempotency_key FROM idempotency_keys WHERE expires_at <= ?1 LIMIT ?2)
"""


_DELETE_RECORDS = "DELETE FROM task_execution_records WHERE id < ?1"
_OLDEST_KEPT = """
SELECT MIN(id) AS oldest FROM task_execution_records WHERE execution_time >= ?1
"""
_RECORD_DAYS = 30


class CleanUpResult(NamedTuple):
    """How many rows were deleted; `…_left` is not 0 where the next run has to go on."""

    notifications: int
    keys: int
    task_records: int
    logs_left: int
    keys_left: int


async def clean_up(platform: Platform, *, hourly: bool) -> CleanUpResult:
    """Delete settled notifications past their retention; `hourly` also expired keys and records.

    At most ten pages of a thousand each; the next run goes on. Raises `DatabaseError`.
    """
    now_ms = platform.clock.now_ms()
    cut = first_row_id(now_ms - await retention_hours(platform) * 3_600_000)
    old = removal(_OLD, (cut, PAGE), iso(now_ms))
    notifications, logs_left = await _in_pages(platform, old)
    keys = keys_left = records = 0
    if hourly:
        expired = Statement(_DELETE_KEYS, (iso(now_ms), PAGE))
        keys, keys_left = await _in_pages(platform, [expired])
        records = await _delete_records(platform, now_ms)
    return CleanUpResult(notifications, keys, records, logs_left, keys_left)


async def _in_pages(platform: Platform, statements: list[Statement]) -> tuple[int, int]:
    deleted = 0
    for _ in range(_MAX_PAGES):
        results = await platform.database.batch(statements)
        deleted += results[-1].changes
        if results[-1].changes < PAGE:
            return deleted, 0
    return deleted, PAGE


async def _delete_records(platform: Platform, now_ms: int) -> int:
    since = iso(now_ms - _RECORD_DAYS * 86_400_000)
    [kept] = await platform.database.batch([Statement(_OLDEST_KEPT, (since,))])
    if kept.rows[0]["oldest"] is None:
        return 0
    [deleted] = await platform.database.batch(
        [Statement(_DELETE_RECORDS, (kept.rows[0]["oldest"],))]
    )
    return deleted.changes
