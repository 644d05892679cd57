"""A database that counts what an invocation costs."""

import json
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from notification.compact_json import compact_json
from notification.ports.database import Database, DatabaseConflict, DatabaseError, Result, Statement
from notification.ports.platform import Clock, Platform
from notification.timestamps import HOUR_MS, MINUTE_MS

REFUSED_KEY = "health_check"
"""The cache's key under which isolates tell each other of refused writes."""


class RefusedWrites:
    """When the database refused to write, as far as this isolate knows; for the last hour."""

    __slots__ = ("_moments", "_shared_ms")

    def __init__(self) -> None:
        self._moments: deque[int] = deque(maxlen=1_000)
        self._shared_ms = 0

    def note(self, now_ms: int) -> None:
        """Remember one refusal."""
        self._moments.append(now_ms)

    def lately(self, now_ms: int) -> list[int]:
        """Return the moments of the last hour, the newest last."""
        return [moment for moment in self._moments if now_ms - moment < HOUR_MS]

    def to_share(self, now_ms: int) -> str | None:
        """Return what other isolates should know, at most once a minute; None if nothing is new.

        A key of the cache takes one write a second, whoever writes it
        (developers.cloudflare.com/kv/platform/limits).
        """
        moments = self.lately(now_ms)
        if not moments or moments[-1] <= self._shared_ms or now_ms - self._shared_ms < MINUTE_MS:
            return None
        self._shared_ms = now_ms
        return compact_json({"count": len(moments), "last_ms": moments[-1]})


async def share_refused_writes(platform: Platform) -> None:
    """Tell the other isolates of refused writes; the cache may be down as well."""
    told = platform.memory.of(RefusedWrites).to_share(platform.clock.now_ms())
    if told is not None:
        with suppress(Exception):
            await platform.cache.put(REFUSED_KEY, told, ttl_s=HOUR_MS // 1000)


def refused_lately(own: RefusedWrites, shared: str | None, now_ms: int) -> tuple[int, int] | None:
    """Return how many writes were refused in the last hour and when the last was; None if none was.

    Args:
        own: what this isolate knows.
        shared: what another one has told; a text of another form tells nothing.
        now_ms: the time.
    """
    moments = own.lately(now_ms)
    found = [(len(moments), moments[-1])] if moments else []
    try:
        told = json.loads(shared or "null")
        count, last_ms = int(told["count"]), int(told["last_ms"])
    except (ValueError, TypeError, KeyError):
        pass
    else:
        if 0 <= now_ms - last_ms < HOUR_MS:
            found.append((count, last_ms))
    if not found:
        return None
    return max(count for count, _ in found), max(last for _, last in found)


class MeteredDatabase:
    """Counts an invocation's round trips, rows written (index entries too) and rows read.

    Args:
        inner: the database.
        refused: gets the writes that the database refuses; a conflict of keys is none of them.
        clock: tells when.
    """

    __slots__ = ("_calls", "_clock", "_inner", "_refused", "_rows_read", "_rows_written")

    def __init__(self, inner: Database, refused: RefusedWrites, clock: Clock) -> None:
        self._inner = inner
        self._refused = refused
        self._clock = clock
        self._calls = 0
        self._rows_read = 0
        self._rows_written = 0

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Run the batch; a failed one counts as a call, too."""
        self._calls += 1
        try:
            results = await self._inner.batch(statements)
        except DatabaseConflict:
            raise
        except DatabaseError:
            if not all(statement.sql.lstrip().startswith("SELECT") for statement in statements):
                self._refused.note(self._clock.now_ms())
            raise
        self._rows_written += sum(result.rows_written for result in results)
        self._rows_read += sum(result.rows_read for result in results)
        return results

    def usage(self) -> dict[str, int]:
        """Return `d1_calls`, `rows_written` and `rows_read` so far."""
        return {
            "d1_calls": self._calls,
            "rows_written": self._rows_written,
            "rows_read": self._rows_read,
        }


def usage_of(database: Database) -> dict[str, int]:
    """Return what the invocation has cost so far, for its log lines; empty if nothing counts."""
    return database.usage() if isinstance(database, MeteredDatabase) else {}
