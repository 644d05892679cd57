"""Fallbacks: notifications that go out only if the one before them fails."""

import json
from collections.abc import Sequence

from notification.delivery.notification import LIFE_MS
from notification.delivery.retry_message import RetryMessage, enqueue
from notification.logging import Log
from notification.ports.database import DatabaseError, Result, Statement
from notification.ports.platform import Platform
from notification.timestamps import iso

_CHOSEN = """
status = 'retry' AND after_id IS NOT NULL
  AND (?1 IS NULL OR after_id IN (SELECT value FROM json_each(?1)))
"""
# The row of the one before decides, in the same transaction: whoever asks may be late.
_RELEASE = f"""
UPDATE notification_logs SET next_retry_at = ?2, expires_at = ?3, after_id = NULL, error = NULL,
  updated_at = ?2
WHERE {_CHOSEN} AND NOT EXISTS (
  SELECT 1 FROM notification_logs AS first
  WHERE first.id = notification_logs.after_id AND first.status <> 'failed')
RETURNING id, retry_count
"""  # noqa: S608 - built from constants, values are bound
_CANCEL = f"""
WITH RECURSIVE needless (id) AS (
  SELECT id FROM notification_logs WHERE {_CHOSEN} AND EXISTS (
    SELECT 1 FROM notification_logs AS first
    WHERE first.id = notification_logs.after_id AND first.status IN ('sent', 'cancelled'))
  UNION
  SELECT log.id FROM notification_logs AS log JOIN needless ON log.after_id = needless.id
  WHERE log.status = 'retry')
UPDATE notification_logs SET status = 'cancelled', next_retry_at = NULL, after_id = NULL,
  error = 'Not needed: the channel before it was enough', updated_at = ?2
WHERE id IN (SELECT id FROM needless)
"""  # noqa: S608 - as above


def resolve_statements(ids: Sequence[int] | None, now_ms: int) -> tuple[Statement, Statement]:
    """Release or cancel the fallbacks of notifications that have ended; None stands for all."""
    chosen, now = None if ids is None else json.dumps(list(ids)), iso(now_ms)
    return (
        Statement(_RELEASE, (chosen, now, iso(now_ms + LIFE_MS))),
        Statement(_CANCEL, (chosen, now)),
    )


def released_messages(result: Result) -> list[RetryMessage]:
    """Return the messages that wake what the first of the statements has released."""
    return [RetryMessage(int(row["id"]), int(row["retry_count"])) for row in result.rows]


async def resolve_fallbacks(ids: Sequence[int], *, platform: Platform, log: Log) -> None:
    """Release or cancel the fallbacks of notifications that have ended.

    Never raises: what is left undone is done by the sweep.
    """
    try:
        released, _ = await platform.database.batch(
            list(resolve_statements(ids, platform.clock.now_ms()))
        )
    except DatabaseError as error:
        log.write("warn", "Releasing fallbacks failed", error=str(error))
        return
    messages = released_messages(released)
    if messages:
        await enqueue(platform.retry_queue, messages, platform=platform, log=log)
