"""The database port: batches of statements, each batch one transaction and one round trip."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

Value = str | int | float | None
Row = dict[str, Value]


class Statement(NamedTuple):
    """SQL with `?1`-style parameters; integers must fit into 53 bits."""

    sql: str
    parameters: tuple[Value, ...] = ()


class Result(NamedTuple):
    """Rows that a statement returned, and how many rows and index entries it wrote."""

    rows: list[Row]
    changes: int
    rows_written: int


class DatabaseError(Exception):
    """A batch failed and none of it was applied. The message is for logs only."""


class DatabaseConflict(DatabaseError):
    """A uniqueness constraint refused the batch."""


class Database(Protocol):
    """One method, so that every use case counts its round trips at a glance."""

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Run all statements in order in one transaction; raises `DatabaseError`."""
        ...
