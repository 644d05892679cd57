"""The database port on SQLite, with D1's semantics: a batch is one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from notification.ports.database import DatabaseConflict, DatabaseError, Result, Statement

SCHEMA = Path(__file__).parents[2] / "sql" / "schema.sql"
DEFAULTS = SCHEMA.parent / "migrations" / "0003_default_templates.sql"


class SqliteDatabase:
    """A fresh in-memory database with the whole schema.

    Attributes:
        calls: round trips so far.
        before_batch: called before each batch; raising `DatabaseError` in it makes D1 fail.
        after_batch: called after the commit; raising in it loses the answer, not the write.
    """

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.executescript(SCHEMA.read_text() + DEFAULTS.read_text())
        self.calls = 0
        self.statements: list[Statement] = []
        self.before_batch: Callable[[Sequence[Statement]], None] | None = None
        self.after_batch: Callable[[Sequence[Statement]], None] | None = None

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """As the port says. `rows_written` counts rows only: SQLite doesn't tell index entries."""
        self.calls += 1
        self.statements += statements
        if self.before_batch is not None:
            self.before_batch(statements)
        cursor = self.connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            results = [self._run(cursor, statement) for statement in statements]
        except sqlite3.IntegrityError as error:
            cursor.execute("ROLLBACK")
            if "UNIQUE" in str(error):
                raise DatabaseConflict(str(error)) from error
            raise DatabaseError(str(error)) from error
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")
        if self.after_batch is not None:
            self.after_batch(statements)
        return results

    def _run(self, cursor: sqlite3.Cursor, statement: Statement) -> Result:
        before = self.connection.total_changes
        cursor.execute(statement.sql, statement.parameters)
        rows = [dict(row) for row in cursor.fetchall()]
        changes = self.connection.total_changes - before
        return Result(rows, changes, changes)

    def rows(self, sql: str, *parameters: object) -> list[dict[str, object]]:
        """Return the rows of a query."""
        return [dict(row) for row in self.connection.execute(sql, parameters)]

    def plan(self, statement: Statement) -> list[str]:
        """The query plan's steps."""
        rows = self.connection.execute(
            f"EXPLAIN QUERY PLAN {statement.sql}",  # the statement is the service's own
            statement.parameters,
        )
        return [str(row["detail"]) for row in rows]
