"""A database that counts what an invocation costs."""

from collections.abc import Sequence

from notification.ports.database import Database, Result, Statement


class MeteredDatabase:
    """Counts an invocation's round trips, rows written (index entries too) and rows read."""

    __slots__ = ("_calls", "_inner", "_rows_read", "_rows_written")

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self._calls = 0
        self._rows_read = 0
        self._rows_written = 0

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Run the batch; a failed one counts as a call, too."""
        self._calls += 1
        results = await self._inner.batch(statements)
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
