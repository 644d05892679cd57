"""Manual retries of failed notifications, and cancelling notifications."""

from collections.abc import Sequence
from typing import NamedTuple

from notification.delivery.notification import LIFE_MS
from notification.delivery.retry_message import RetryMessage, enqueue
from notification.errors import ServiceError
from notification.identity import first_row_id, row_id_of
from notification.logging import Log
from notification.ports.database import Result, Row, Statement, Value
from notification.ports.platform import Platform
from notification.timestamps import HOUR_MS, from_iso, iso

MAX_REDRIVES = 1_000
"""Notifications that one call retries: each hundred is a call to the queue, of the 50 calls that
one invocation may make on the free plan."""
DEFAULT_REDRIVES = 100
DEFAULT_AGE_HOURS = 24
DISCARDED = "Discarded by operator"

# The row changes before anything is queued, so that two callers can't queue it twice.
_REDRIVE = """
UPDATE notification_logs SET status = 'retry', retry_count = 0, redrives = redrives + 1,
  next_retry_at = ?1, expires_at = ?2, held_until = NULL, lease_token = NULL, lease_until = NULL,
  updated_at = ?1
WHERE id IN ({chosen}) AND status = 'failed'
RETURNING id
"""
# Without a code the last attempt alone decides: an unknown answer is never rejected.
_WORTH_IT = """(COALESCE(last_error_code, '') IN ('EXPIRED', 'INTERRUPTED')
  OR json_extract(attempts, '$[#-1].retryable') = 1)"""
_REASONS = f"""CASE WHEN content IS NULL THEN 'no_content'
  WHEN ?9 = 0 AND NOT {_WORTH_IT} THEN 'rejected'
  WHEN id < ?8 THEN 'too_old' END"""
_MATCHING = """
FROM notification_logs
WHERE status = 'failed' AND id > ?3 AND (?4 IS NULL OR user_id = ?4)
  AND (?5 IS NULL OR channel_type = ?5) AND (?6 IS NULL OR last_error_code = ?6)
  AND (?7 IS NULL OR template_key = ?7) AND (?10 IS NULL OR id >= ?10) AND (?11 IS NULL OR id < ?11)
"""
_COUNT = f"""
SELECT {_REASONS} AS reason, COUNT(*) AS counted {_MATCHING}
GROUP BY reason ORDER BY reason
"""
_MANY = f"SELECT id {_MATCHING} AND {_REASONS} IS NULL ORDER BY id LIMIT ?12"
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
    """Which failed notifications to retry.

    Attributes:
        since: the earliest time of acceptance, as ISO text, inclusive.
        until: the latest one, likewise.
        max_age_hours: an older one is skipped; None stands for a day if nothing is named, else for
            no limit.
        cursor: the id after which to begin.
    """

    user_id: str | None = None
    channel: str | None = None
    code: str | None = None
    template_key: str | None = None
    since: str | None = None
    until: str | None = None
    max_age_hours: int | None = None
    limit: int = DEFAULT_REDRIVES
    cursor: int = 0

    @property
    def names_something(self) -> bool:
        """Whether an operator said which ones, so that even rejected ones are retried."""
        named = (self.user_id, self.channel, self.code, self.template_key, self.since, self.until)
        return any(value is not None for value in named)


class RedriveResult(NamedTuple):
    """What became of the failed notifications that a filter matches.

    Attributes:
        matched: how many match, from the cursor on.
        queued: how many are retried now.
        skipped: how many are not retried, by reason.
        next: the cursor for those beyond the limit; None if there are none.
    """

    matched: int
    queued: int
    skipped: dict[str, int]
    next: int | None


class Redrive:
    """Turns failed notifications into retries, with a new retry count and the same message id."""

    def __init__(self, platform: Platform, log: Log) -> None:
        self._platform = platform
        self._log = log

    async def many(self, chosen: RedriveFilter) -> RedriveResult:
        """Retry the chosen notifications, the oldest first."""
        now_ms = self._platform.clock.now_ms()
        named, hours = chosen.names_something, chosen.max_age_hours
        if hours is None and not named:
            hours = DEFAULT_AGE_HOURS
        values: tuple[Value, ...] = (
            *self._times(now_ms),
            chosen.cursor,
            chosen.user_id,
            chosen.channel,
            chosen.code,
            chosen.template_key,
            0 if hours is None else first_row_id(now_ms - hours * HOUR_MS),
            int(named),
            None if chosen.since is None else first_row_id(from_iso(chosen.since)),
            None if chosen.until is None else first_row_id(from_iso(chosen.until) + 1),
        )
        if self._platform.is_sharded and chosen.user_id is None:
            counted, redriven = await self._many_of_all(values, chosen.limit)
        else:
            counted, redriven = await self._platform.database.batch(
                [
                    Statement(_COUNT, values),
                    Statement(_REDRIVE.format(chosen=_MANY), (*values, chosen.limit)),
                ]
            )
        counts = counted.sums("counted", by="reason")
        worth = counts.pop(None, 0)
        ids = sorted(int(row["id"]) for row in redriven.rows)
        await self._enqueue(ids)
        return RedriveResult(
            matched=worth + sum(counts.values()),
            queued=len(ids),
            skipped={str(reason): count for reason, count in counts.items()},
            next=ids[-1] if ids and len(ids) < worth else None,
        )

    async def _many_of_all(self, values: tuple[Value, ...], limit: int) -> tuple[Result, Result]:
        """Choose the oldest over all databases, then retry them: the count, and their ids."""
        everywhere = self._platform.everywhere
        counted, found = await everywhere.batch(
            [Statement(_COUNT, values), Statement(_MANY, (*values, limit))]
        )
        ids = sorted(int(row["id"]) for row in found.rows)[:limit]
        redrive = _REDRIVE.format(chosen="SELECT value FROM json_each(?3)")
        [redriven] = await everywhere.batch([Statement(redrive, (*values[:2], str(ids)))])
        return counted, redriven

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
        values = (*self._times(self._platform.clock.now_ms()), row["id"])
        statement = Statement(_REDRIVE.format(chosen="?3"), values)
        [result] = await self._platform.everywhere.batch([statement])
        await self._enqueue([int(row["id"]) for row in result.rows])
        return len(result.rows)

    def _times(self, now_ms: int) -> tuple[str, str]:
        """Return when the retry is due, and the end of the notification's new time."""
        return iso(now_ms), iso(now_ms + LIFE_MS)

    async def _enqueue(self, ids: Sequence[int]) -> None:
        messages = [RetryMessage(row_id, 0) for row_id in ids]
        if messages:
            await enqueue(
                self._platform.retry_queue, messages, platform=self._platform, log=self._log
            )

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
        [result] = await self._platform.everywhere.batch([statement])
        return result.row


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
    [result] = await platform.everywhere.batch([statement])
    return result.changes


async def discard_failed(platform: Platform, ids: Sequence[int]) -> int:
    """Acknowledge dead letters: failed notifications become cancelled. Return their number."""
    now = iso(platform.clock.now_ms())
    statement = Statement(_DISCARD, (str(list(ids)), DISCARDED, now))
    [result] = await platform.everywhere.batch([statement])
    return result.changes
