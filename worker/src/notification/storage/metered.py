"""A database that counts what an invocation costs."""

from collections.abc import Sequence

from notification.ports.database import Database, DatabaseConflict, DatabaseError, Result, Statement
from notification.ports.platform import Clock
from notification.storage.last_hour import RefusedWrites


class MeteredDatabase:
    """Counts an invocation's round trips, rows written (index entries too) and rows read.

    Args:
        inner: the database.
        refused: gets the writes that the database refuses; a conflict of keys is none of them.
        clock: tells when.
    """

    __slots__ = ("_clock", "_counts", "_inner", "_refused")

    def __init__(self, inner: Database, refused: RefusedWrites, clock: Clock) -> None:
        self._inner = inner
        self._refused = refused
        self._clock = clock
        self._counts = [0, 0, 0]

    def beside(self, inner: Database) -> "MeteredDatabase":
        """Return another database of the invocation, whose costs count here, too."""
        other = MeteredDatabase(inner, self._refused, self._clock)
        other._counts = self._counts
        return other

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Run the batch; a failed one counts as a call, too."""
        self._counts[0] += 1
        try:
            results = await self._inner.batch(statements)
        except DatabaseConflict:
            raise
        except DatabaseError:
            if not all(statement.sql.lstrip().startswith("SELECT") for statement in statements):
                self._refused.count(self._clock.now_ms(), "a write")
            raise
        for result in results:
            self._counts[1] += result.rows_written
            self._counts[2] += result.rows_read
        return results

    def usage(self) -> dict[str, int]:
        """Return `d1_calls`, `rows_written` and `rows_read` so far."""
        return dict(zip(("d1_calls", "rows_written", "rows_read"), self._counts, strict=True))


def usage_of(database: Database) -> dict[str, int]:
    """Return what the invocation has cost so far, for its log lines; empty if nothing counts.

    What one of several databases costs counts with the first one.
    """
    database = getattr(database, "home", database)
    return database.usage() if isinstance(database, MeteredDatabase) else {}
