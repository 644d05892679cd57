"""Letting go on what waits for a hold: the oldest first, whichever database they lie in.

A hold that is taken away or changed opens the lines of its endpoints before its notifications take
places in them. The sweep, which goes on with what one call doesn't let go, gives back the places
that nobody has: a line may still end where its hold would have.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from notification.channels.pace import pace_of
from notification.compact_json import compact_json
from notification.delivery.endpoint_lines import Endpoint, endpoint_of, line_condition
from notification.delivery.retry_message import RetryMessage, enqueue
from notification.logging import Log
from notification.ports.database import DatabaseError, Result, Row, Statement
from notification.ports.platform import Platform
from notification.timestamps import from_iso, iso

MAX_RELEASED = 1_000
"""Notifications that one call lets go on; the sweep goes on with the others."""

_SET_LINE = f"""
UPDATE endpoint_lines AS line SET next_slot = MAX(next_slot, ?3 + interval_ms)
WHERE {line_condition(user="?1", channel="?2")}
"""  # noqa: S608 - built from constants, values are bound
_DELETE_ENDED = "DELETE FROM channel_holds WHERE held_until <= ?1"
# The notifications that wait for a hold: of a channel and recipient, or (?1 NULL) those that no
# hold keeps any more.
_WAITS = """
log.status = 'retry' AND log.held_until IS NOT NULL
  AND (log.lease_until IS NULL OR log.lease_until <= ?3)
  AND (?1 IS NULL OR ((?2 = '' OR log.user_id = ?2)
    AND (log.channel_type = ?1 OR substr(log.channel_type, 1, length(?1) + 1) = ?1 || ':')))
  AND (?1 IS NOT NULL OR (
    NOT EXISTS (
      SELECT 1 FROM channel_holds AS hold
      WHERE hold.user_id IN ('', log.user_id) AND hold.held_until > ?3
        AND hold.channel_type IN (log.channel_type, substr(log.channel_type, 1,
          instr(log.channel_type || ':', ':') - 1)))
    AND log.held_until > ?3
    AND substr(log.channel_type, 1, instr(log.channel_type || ':', ':') - 1)
      NOT IN (SELECT value FROM json_each(?4))))
"""
_OLDEST = f"""
SELECT log.id FROM notification_logs AS log INDEXED BY idx_notification_due
WHERE {_WAITS} ORDER BY log.id LIMIT ?5
"""  # noqa: S608 - built from constants, values are bound
# The sweep's go behind who is still in line; otherwise the lines have been opened. A notice, whose
# burst is 0, tells no place. Their own time gives back what they will not be held.
_RELEASE = f"""
UPDATE notification_logs SET held_until = ?6, updated_at = ?3,
  next_retry_at = strftime('%Y-%m-%dT%H:%M:%fZ',
    (MAX(CAST(ROUND((julianday(COALESCE(?6, ?3)) - 2440587.5) * 86400000) AS INTEGER),
      chosen.begin_ms) + chosen.place * chosen.interval_ms) / 1000.0, 'unixepoch'),
  expires_at = strftime('%Y-%m-%dT%H:%M:%fZ', julianday(expires_at)
    - (julianday(notification_logs.held_until) - julianday(COALESCE(?6, ?3))))
FROM (
  SELECT log.id AS id, COALESCE(line.interval_ms, ?7) AS interval_ms,
    CASE WHEN ?1 IS NULL AND line.burst > 0 THEN line.next_slot ELSE 0 END AS begin_ms,
    ROW_NUMBER() OVER (
      PARTITION BY COALESCE(line.endpoint, log.user_id || ' ' || log.channel_type)
      ORDER BY log.id) - 1 AS place
  FROM notification_logs AS log INDEXED BY idx_notification_due
  LEFT JOIN endpoint_lines AS line
    ON {line_condition(user="log.user_id", channel="log.channel_type")}
  WHERE {_WAITS} AND (?8 IS NULL OR log.id <= ?8)
  ORDER BY log.id LIMIT ?5) AS chosen
WHERE notification_logs.id = chosen.id
RETURNING notification_logs.id, user_id, channel_type, retry_count, next_retry_at
"""  # noqa: S608 - built from constants, values are bound
_ENDPOINTS = f"""
SELECT DISTINCT {endpoint_of(user="log.user_id", channel="log.channel_type")} AS endpoint
FROM notification_logs AS log WHERE log.id IN (SELECT value FROM json_each(?1))
"""  # noqa: S608 - built from constants, values are bound
_LAST_IN_LINE = f"""
SELECT {endpoint_of(user="log.user_id", channel="log.channel_type")} AS endpoint,
  MAX(log.next_retry_at) AS last
FROM notification_logs AS log INDEXED BY idx_notification_due
WHERE log.status = 'retry' AND log.next_retry_at > ?2
  AND (log.held_until IS NULL OR log.held_until <= ?2)
GROUP BY 1 HAVING endpoint IN (SELECT value FROM json_each(?1))
"""  # noqa: S608 - built from constants, values are bound
_SHORTEN = """
UPDATE endpoint_lines SET
  next_slot = MIN(next_slot, MAX(throttled_until, ?2, place.last_ms + interval_ms))
FROM (SELECT json_extract(value, '$[0]') AS endpoint, json_extract(value, '$[1]') AS last_ms
      FROM json_each(?1)) AS place
WHERE endpoint_lines.endpoint = place.endpoint AND burst > 0
"""


class Release(NamedTuple):
    """Which notifications stop waiting for a hold.

    Attributes:
        channel: of this channel; None: all that no hold keeps any more.
        user_id: of this recipient; empty: everybody.
        now_ms: the present.
        until: the end of the hold, as ISO text, if it was only changed.
        last_id: the youngest of the oldest in several databases; None if all may go.
    """

    channel: str | None
    user_id: str
    now_ms: int
    until: str | None = None
    last_id: int | None = None

    async def of_the_oldest(self, platforms: Sequence[Platform]) -> "Release":
        """Return a release that lets the oldest of all databases go, where they are several.

        Raises:
            DatabaseError: a database did not answer.
        """
        if len(platforms) < 2:
            return self
        ids: list[int] = []
        for each in platforms:
            [found] = await each.database.batch([self.select_oldest(each)])
            ids += _ids(found)
        return self.up_to(ids)

    def select_oldest(self, platform: Platform) -> Statement:
        """Select the ids of the oldest notifications of a database that it would let go."""
        return Statement(_OLDEST, self._values(platform))

    def up_to(self, ids: Iterable[int]) -> "Release":
        """Return the release of as many of these notifications as one call lets go."""
        chosen = sorted(ids)[:MAX_RELEASED]
        return self._replace(last_id=chosen[-1] if len(chosen) == MAX_RELEASED else None)

    def statement(self, platform: Platform) -> Statement:
        """Return the statement that lets them go in one database, and tells which."""
        pace = pace_of(self.channel or "", None, platform.settings)
        values = (*self._values(platform), self.until, pace.interval_ms, self.last_id)
        return Statement(_RELEASE, values)

    def _values(self, platform: Platform) -> tuple[str | int | None, ...]:
        disabled = compact_json(sorted(platform.settings.disabled_channels))
        return (self.channel, self.user_id, iso(self.now_ms), disabled, MAX_RELEASED)


def _ids(found: Result) -> list[int]:
    return [int(row["id"]) for row in found.rows]


def select_released(platform: Platform, now_ms: int) -> tuple[Statement, Statement]:
    """Delete the holds that have ended, and select what none keeps any more; the sweep's part."""
    ended = Statement(_DELETE_ENDED, (iso(now_ms),))
    return ended, Release(None, "", now_ms).select_oldest(platform)


async def release_ended(
    found: Sequence[tuple[Platform, Sequence[int]]], platform: Platform, log: Log
) -> int:
    """Let go on what no hold keeps any more, and return how many do.

    Args:
        found: the ids of such notifications by their database, as `select_released` finds them.
        platform: the platform.
        log: the log of the invocation.

    Raises:
        DatabaseError: a database did not answer; those of the others have been let go.
    """
    now_ms = platform.clock.now_ms()
    release = Release(None, "", now_ms).up_to(row_id for _, ids in found for row_id in ids)
    released: list[tuple[Platform, Sequence[Row]]] = []
    failure: DatabaseError | None = None
    if any(ids for _, ids in found):
        await _shorten_lines(found, release, platform, log)
    for each, ids in found:
        if not ids:
            continue
        try:
            [freed] = await each.database.batch([release.statement(each)])
        except DatabaseError as error:
            failure = error
        else:
            released.append((each, freed.rows))
    await wake(released, now_ms, platform, log)
    if failure is not None:
        raise failure
    return sum(len(rows) for _, rows in released)


async def _shorten_lines(
    found: Sequence[tuple[Platform, Sequence[int]]], release: Release, platform: Platform, log: Log
) -> None:
    """Give back the places behind the last one that somebody has in the lines of notifications.

    Never raises: a line that isn't shortened lets them go later than need be.
    """
    now_ms = release.now_ms
    homes: dict[int, set[str]] = {}
    last: dict[str, int] = {}
    try:
        for each, ids in found:
            chosen = [i for i in ids if release.last_id is None or i <= release.last_id]
            [rows] = await each.database.batch([Statement(_ENDPOINTS, (compact_json(chosen),))])
            for row in rows.rows:
                endpoint = str(row["endpoint"])
                homes.setdefault(await _home_of(endpoint, each), set()).add(endpoint)
        endpoints = compact_json(sorted(set().union(*homes.values())))
        for each, _ in found:
            in_line = Statement(_LAST_IN_LINE, (endpoints, iso(now_ms)))
            [rows] = await each.database.batch([in_line])
            for row in rows.rows:
                endpoint = str(row["endpoint"])
                last[endpoint] = max(last.get(endpoint, 0), from_iso(row["last"]))
        for home, of_home in homes.items():
            ends = compact_json([[each, last.get(each, 0)] for each in sorted(of_home)])
            await platform.shards[home].database.batch([Statement(_SHORTEN, (ends, now_ms))])
    except DatabaseError as error:
        log.write("warn", "Shortening lines failed", error=str(error))


async def _home_of(endpoint: str, platform: Platform) -> int:
    if not platform.is_sharded:
        return platform.shard
    # Imported where there are several databases.
    from notification.delivery.shared_lines import home_of

    return await home_of(endpoint, platform)


async def wake(
    released: Sequence[tuple[Platform, Sequence[Row]]], now_ms: int, platform: Platform, log: Log
) -> None:
    """Queue messages for released notifications, and let their lines begin behind them.

    Args:
        released: the notifications by their database, as a release returns them.
        now_ms: the present.
        platform: the platform.
        log: the log of the invocation.
    """
    parts = [
        (each, rows, [from_iso(row["next_retry_at"]) for row in rows])
        for each, rows in released
        if rows
    ]
    if not parts:
        return
    dues = [due for _, _, due in parts]
    if platform.is_sharded:
        # Imported where there are several databases.
        from notification.delivery.shared_lines import Released, place_released

        dues = await place_released([Released(*part) for part in parts], platform, log)
    for (each, rows, _), due in zip(parts, dues, strict=True):
        await _wake(each, rows, due, now_ms, log)


async def _wake(
    platform: Platform, rows: Sequence[Row], dues: Sequence[int], now_ms: int, log: Log
) -> None:
    ends: dict[Endpoint, int] = {}
    messages = []
    for row, due_ms in zip(rows, dues, strict=True):
        endpoint = (str(row["user_id"]), str(row["channel_type"]))
        ends[endpoint] = max(ends.get(endpoint, 0), due_ms)
        messages.append(
            RetryMessage(int(row["id"]), int(row["retry_count"]), max(due_ms - now_ms, 0))
        )
    await platform.database.batch(
        [Statement(_SET_LINE, (*endpoint, end)) for endpoint, end in ends.items()]
    )
    await enqueue(platform.retry_queue, messages, platform=platform, log=log)
