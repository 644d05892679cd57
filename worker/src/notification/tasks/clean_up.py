"""Deleting what nobody needs any more."""

from typing import NamedTuple

from notification.identity import first_row_id
from notification.journal import iso
from notification.ports.database import Statement
from notification.ports.platform import Platform
from notification.storage.log_removal import removal
from notification.storage.system_settings import retention_hours

PAGE = 1_000
_MOST_PAGES = 10

_OLD = """
SELECT id FROM notification_logs
WHERE id < ?1 AND status IN ('sent', 'failed', 'cancelled') ORDER BY id LIMIT ?2
"""
_DELETE_KEYS = """
DELETE FROM idempotency_keys WHERE (user_id, idempotency_key) IN (
  SELECT user_id, idempotency_key FROM idempotency_keys WHERE expires_at <= ?1 LIMIT ?2)
"""


class CleanUpResult(NamedTuple):
    """How many notifications and idempotency keys were deleted."""

    notifications: int
    keys: int


async def clean_up(platform: Platform, *, keys_too: bool) -> CleanUpResult:
    """Delete settled notifications past their retention, and expired keys if `keys_too`.

    At most ten pages of a thousand each; the next run goes on. Raises `DatabaseError`.
    """
    now_ms = platform.clock.now_ms()
    cut = first_row_id(now_ms - await retention_hours(platform) * 3_600_000)
    notifications = keys = 0
    for _ in range(_MOST_PAGES):
        _, deleted = await platform.database.batch(removal(_OLD, (cut, PAGE), iso(now_ms)))
        notifications += deleted.changes
        if deleted.changes < PAGE:
            break
    for _ in range(_MOST_PAGES if keys_too else 0):
        [deleted] = await platform.database.batch([Statement(_DELETE_KEYS, (iso(now_ms), PAGE))])
        keys += deleted.changes
        if deleted.changes < PAGE:
            break
    return CleanUpResult(notifications, keys)
