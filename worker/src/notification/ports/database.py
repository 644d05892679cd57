"""The database port: batches of statements, each batch one transaction and one round trip."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

Value = str | int | float | None
Row = dict[str, Any]
"""Values by column. The schema says which column can be NULL; where it can't, nobody asks."""


class Statement(NamedTuple):
    """SQL with parameters `?1`, `?2` and so on; integers must fit into 53 bits."""

    sql: str
    parameters: tuple[Value, ...] = ()


class HomeStatement(Statement):
    """A statement on what isn't a user's.

    Where users are spread over several databases, it runs on the first one, whichever database
    gets it, and in a transaction of its own.
    """

    __slots__ = ()


class Result(NamedTuple):
    """The rows that a statement returned, its changes, and the rows that it wrote and read."""

    rows: list[Row]
    changes: int
    rows_written: int
    rows_read: int = 0

    @property
    def row(self) -> Row | None:
        """The row, where there can be no other one; None if there is none."""
        return next(iter(self.rows), None)

    def sum(self, column: str) -> int:
        """Return the sum of a column: of a count's one row, or of one from each database."""
        return sum(int(row[column]) for row in self.rows)

    def sums(self, column: str, *, by: str) -> dict[Value, int]:
        """Return the sums of a column by another one: each database has counted its rows."""
        found: dict[Value, int] = {}
        for row in self.rows:
            found[row[by]] = found.get(row[by], 0) + int(row[column])
        return found


class DatabaseError(Exception):
    """A batch failed, and none of it was applied. The message is for logs only."""


class DatabaseConflict(DatabaseError):
    """A uniqueness constraint refused the batch."""


class Database(Protocol):
    """A database with one method, so that a reader sees every round trip."""

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Run all statements in order, in one transaction.

        Raises:
            DatabaseError: the batch failed, and none of it was applied.
        """
        ...
