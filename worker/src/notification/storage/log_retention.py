"""How long notifications are kept, and every way to delete them.

A deleted notification leaves its outcome in the record of its idempotency key, as long as the key
lives: a repeated request is still answered with what became of the first.
"""

import json
from typing import NamedTuple

from notification.identity import first_row_id
from notification.ports.database import Database, Row, Statement, Value
from notification.ports.platform import Platform
from notification.storage.system_settings import read_number

SETTLED = ("sent", "failed", "cancelled")
"""The final statuses."""
PAGE = 1_000
"""Notifications that one statement deletes: D1 limits the duration of each."""
MAX_PAGES = 20
"""Pages that one request deletes, to stay within the platform's limits."""
_DEFAULT_HOURS = 168

DELETED = "Deleted by operator"
"""The error of a notification that was deleted while it waited: nothing goes on with it."""
_OPEN = "status IN ('pending', 'retry')"
_KEEP_OUTCOMES = f"""
UPDATE idempotency_keys SET status = 'completed', results = json_patch(
  COALESCE(results, '{{{{}}}}'),
  (SELECT json_group_object(message_id, json_object('id', id, 'channel_type', channel_type,
     'status', CASE WHEN {_OPEN} THEN 'cancelled' ELSE status END,
     'error', CASE WHEN {_OPEN} THEN '{DELETED}' ELSE error END,
     'last_error_code', CASE WHEN {_OPEN} THEN NULL ELSE last_error_code END))
   FROM notification_logs AS log
   WHERE log.id IN ({{chosen}}) AND log.user_id = idempotency_keys.user_id
     AND log.idempotency_key = idempotency_keys.idempotency_key))
WHERE expires_at > {{now}} AND (user_id, idempotency_key) IN (
  SELECT user_id, idempotency_key FROM notification_logs
  WHERE id IN ({{chosen}}) AND idempotency_key IS NOT NULL)
"""  # noqa: S608 - built from constants, values are bound
_DELETE = "DELETE FROM notification_logs WHERE id IN ({chosen})"
_FIND = "SELECT id, user_id, created_at, status FROM notification_logs WHERE id = ?1"
_ONE = """
SELECT id FROM notification_logs
WHERE id = ?1 AND (?2 = 1 OR status NOT IN ('pending', 'retry'))
"""
_OLD = """
SELECT id FROM notification_logs
WHERE id < ?1 AND status IN (SELECT value FROM json_each(?2)) ORDER BY id LIMIT ?3
"""
_OF_USERS = """
FROM notification_logs
WHERE user_id IN (SELECT value FROM json_each(?1)) AND status NOT IN ('pending', 'retry')
"""
_PAGE_OF_USERS = f"SELECT id {_OF_USERS} ORDER BY id LIMIT ?2"
# A person's keys are deleted with the notifications, so that no outcome has to be kept.
_DELETE_PERSON = """
DELETE FROM notification_logs
WHERE id IN (SELECT id FROM notification_logs WHERE user_id = ?1 ORDER BY id LIMIT ?2)
"""


class Deleted(NamedTuple):
    """How many notifications were deleted, and whether some may be left."""

    rows: int
    more: bool


async def retention_hours(platform: Platform) -> int:
    """Return for how many hours settled notifications are kept; at least one.

    Raises:
        DatabaseError: the database did not answer.
    """
    return max(await read_number(platform, "cleanup_retention_hours", _DEFAULT_HOURS), 1)


async def delete_one(
    database: Database, row_id: int, *, force: bool, now: str
) -> tuple[Row | None, bool]:
    """Delete one notification, unless it is being delivered and `force` is not set.

    Returns:
        The row as it was, None if there is none, and whether it was deleted.
    """
    found, _, deleted = await database.batch(
        [Statement(_FIND, (row_id,)), *deletion(_ONE, (row_id, int(force)), now)]
    )
    return found.row, deleted.changes > 0


async def delete_older(
    database: Database,
    before_ms: int,
    *,
    statuses: tuple[str, ...] = SETTLED,
    now: str,
    max_pages: int = MAX_PAGES,
) -> Deleted:
    """Delete notifications with these statuses that were accepted before a moment."""
    parameters = (first_row_id(before_ms), json.dumps(statuses), PAGE)
    return await _in_pages(database, deletion(_OLD, parameters, now), max_pages)


async def delete_of_users(database: Database, users: list[str], *, now: str) -> Deleted:
    """Delete the settled notifications of these users."""
    statements = deletion(_PAGE_OF_USERS, (json.dumps(users), PAGE), now)
    return await _in_pages(database, statements, MAX_PAGES)


async def count_of_users(database: Database, users: list[str]) -> int:
    """Count what `delete_of_users` would delete."""
    count = Statement(f"SELECT COUNT(*) AS found {_OF_USERS}", (json.dumps(users),))
    [counted] = await database.batch([count])
    return counted.sum("found")


async def delete_person(database: Database, user_id: str) -> Deleted:
    """Delete all notifications of one user, whatever their status."""
    delete = Statement(_DELETE_PERSON, (user_id, PAGE))
    return await _in_pages(database, [delete], MAX_PAGES)


def deletion(chosen: str, parameters: tuple[Value, ...], now: str) -> list[Statement]:
    """Return the two statements of a deletion: keep the outcomes, then delete.

    Args:
        chosen: a SELECT of ids; it must be a constant.
        parameters: its values, as ?1, ?2 and so on.
        now: the time, as ISO text.
    """
    keep = _KEEP_OUTCOMES.format(chosen=chosen, now=f"?{len(parameters) + 1}")
    return [
        Statement(keep, (*parameters, now)),
        Statement(_DELETE.format(chosen=chosen), parameters),
    ]


async def _in_pages(database: Database, statements: list[Statement], max_pages: int) -> Deleted:
    """Run a deletion of one page, the last of `statements`, until nothing is left to delete."""
    rows = 0
    for _ in range(max_pages):
        results = await database.batch(statements)
        rows += results[-1].changes
        if results[-1].changes < PAGE:
            return Deleted(rows, more=False)
    return Deleted(rows, more=True)
