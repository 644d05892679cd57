"""Holding a channel back, for everybody or for one recipient, and letting it go on."""

from collections.abc import Sequence
from typing import NamedTuple

from notification.delivery.releases import Release, wake
from notification.errors import ServiceError
from notification.logging import Log
from notification.ports.database import Row, Statement
from notification.ports.platform import Platform
from notification.timestamps import iso

_LIST = """
SELECT channel_type, user_id, held_until, reason, created_at FROM channel_holds
WHERE held_until > ?1 ORDER BY channel_type, user_id
"""
_WAITING = """
SELECT channel_type, COUNT(*) AS waiting FROM notification_logs INDEXED BY idx_notification_due
WHERE status = 'retry' AND held_until IS NOT NULL GROUP BY channel_type
"""
_PUT = """
INSERT INTO channel_holds (channel_type, user_id, held_until, reason, created_at)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (channel_type, user_id) DO UPDATE SET
  held_until = excluded.held_until, reason = excluded.reason
RETURNING channel_type, user_id, held_until, reason, created_at
"""
_DELETE = "DELETE FROM channel_holds WHERE channel_type = ?1 AND user_id = ?2"
# Lines that begin at the end of a hold would keep new notifications back after it.
_OPEN_LINES = """
UPDATE endpoint_lines SET next_slot = MAX(?3, throttled_until)
WHERE next_slot > ?3 AND ((?2 = '' AND channel_type = ?1) OR endpoint IN (
  SELECT COALESCE(endpoint, user_id || ' ' || channel_type) FROM user_configs
  WHERE ?2 <> '' AND user_id = ?2
    AND (channel_type = ?1 OR substr(channel_type, 1, length(?1) + 1) = ?1 || ':')
  UNION ALL
  SELECT COALESCE(endpoint, user_id || ' ' || channel_type) FROM user_configs
  WHERE ?2 = '' AND instr(?1, ':') > 0 AND channel_type = ?1))
"""
_ENDPOINTS = """
SELECT endpoint FROM user_configs WHERE user_id = ?2 AND endpoint IS NOT NULL
  AND (channel_type = ?1 OR substr(channel_type, 1, length(?1) + 1) = ?1 || ':')
"""


class Hold(NamedTuple):
    """A channel that is held back. An empty user stands for everybody; times are ISO texts."""

    channel: str
    user_id: str
    held_until: str
    reason: str
    created_at: str

    @classmethod
    def of(cls, row: Row) -> "Hold":
        """Read a row of `channel_holds`."""
        return cls(*(str(row[name]) for name in _COLUMNS))


_COLUMNS = ("channel_type", "user_id", "held_until", "reason", "created_at")


class Holds:
    """The channels that are held back.

    What comes in for one is stored and waits; nothing is called. When the hold ends, or is taken
    away, it goes out at each endpoint's pace, the oldest first.
    """

    def __init__(self, platform: Platform, log: Log) -> None:
        self._platform = platform
        self._log = log

    async def list(self) -> tuple[list[Hold], dict[str, int]]:
        """Return the holds that last, and how many notifications wait for one, by channel."""
        now = iso(self._platform.clock.now_ms())
        holds, waiting = await self._platform.everywhere.batch(
            [Statement(_LIST, (now,)), Statement(_WAITING)]
        )
        sums = waiting.sums("waiting", by="channel_type")
        counts = {str(channel): count for channel, count in sums.items()}
        # A hold of everybody stands in each database.
        found = {(hold.channel, hold.user_id): hold for hold in map(Hold.of, holds.rows)}
        return [found[place] for place in sorted(found)], counts

    async def _reached(self, user_id: str) -> "Sequence[Holds]":
        """Return the holds of each database that a hold stands in: the user's, or all."""
        if not self._platform.is_sharded:
            return [self]
        if user_id:
            return [Holds(await self._platform.for_user(user_id), self._log)]
        # Imported where there are several databases.
        from notification.storage.shards import refuse_while_moving

        await refuse_while_moving(self._platform)
        return [Holds(platform, self._log) for platform in self._platform.shards]

    async def put(self, channel: str, user_id: str, *, until_ms: int, reason: str) -> Hold:
        """Hold a channel until a moment; what waits for it already waits until then."""
        reached = await self._reached(user_id)
        await self._open_shared_lines(channel, user_id, reached)
        now_ms = self._platform.clock.now_ms()
        values = (channel, user_id, iso(until_ms), reason, iso(now_ms))
        release = Release(channel, user_id, now_ms, iso(until_ms))
        release = await release.of_the_oldest([each._platform for each in reached])
        released: list[tuple[Platform, Sequence[Row]]] = []
        try:
            for each in reached:
                put, *_, moved = await each._platform.database.batch(
                    [
                        Statement(_PUT, values),
                        *self._open_lines(channel, user_id, now_ms),
                        release.statement(each._platform),
                    ]
                )
                released.append((each._platform, moved.rows))
        finally:
            await wake(released, now_ms, self._platform, self._log)
        [row] = put.rows
        return Hold.of(row)

    async def delete(self, channel: str, user_id: str) -> int:
        """Take a hold away, and return how many notifications go on.

        Raises:
            ServiceError: NOT_FOUND.
        """
        reached = await self._reached(user_id)
        held = [each for each in reached if await each._delete(channel, user_id)]
        if not held:
            raise ServiceError("NOT_FOUND", f"Channel {channel} is not held")
        # If this fails, the sweep lets go on what no hold keeps any more.
        await self._open_shared_lines(channel, user_id, reached)
        now_ms = self._platform.clock.now_ms()
        release = Release(channel, user_id, now_ms)
        release = await release.of_the_oldest([each._platform for each in held])
        released: list[tuple[Platform, Sequence[Row]]] = []
        try:
            for each in held:
                *_, freed = await each._platform.database.batch(
                    [
                        *self._open_lines(channel, user_id, now_ms),
                        release.statement(each._platform),
                    ]
                )
                released.append((each._platform, freed.rows))
        finally:
            await wake(released, now_ms, self._platform, self._log)
        return sum(len(rows) for _, rows in released)

    async def _delete(self, channel: str, user_id: str) -> bool:
        [deleted] = await self._platform.database.batch([Statement(_DELETE, (channel, user_id))])
        return deleted.changes > 0

    def _open_lines(self, channel: str, user_id: str, now_ms: int) -> Sequence[Statement]:
        """Let the lines begin anew; where they are shared, this has been done before."""
        if self._platform.is_sharded:
            return []
        return [Statement(_OPEN_LINES, (channel, user_id, now_ms))]

    async def _open_shared_lines(
        self, channel: str, user_id: str, reached: "Sequence[Holds]"
    ) -> None:
        """Let the lines begin anew in every database before any of them takes places again."""
        if not self._platform.is_sharded:
            return
        now_ms, ids = self._platform.clock.now_ms(), list[str]()
        for each in reached:
            _, found = await each._platform.database.batch(
                [
                    Statement(_OPEN_LINES, (channel, user_id, now_ms)),
                    Statement(_ENDPOINTS, (channel, user_id)),
                ]
            )
            ids += [str(row["endpoint"]) for row in found.rows]
        if ids:
            # Imported where there are several databases.
            from notification.delivery.shared_lines import open_lines

            await open_lines(ids, now_ms, self._platform)
