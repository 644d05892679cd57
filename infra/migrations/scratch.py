"""A database in memory that judges SQL by D1's rules, for trying migrations and backups."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Self

from d1 import rules
from infra.migrations.d1 import Row, Statement
from infra.migrations.errors import D1SqlError


class ScratchDatabase:
    """SQLite under D1's rules, with the same way to ask as `D1Database`.

    A context manager; what it held is gone at the end.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        rules.restrict(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def batch(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run all statements in one transaction and return each one's rows.

        Raises:
            D1SqlError: one was refused, and nothing of the batch is there.
        """
        results: list[list[Row]] = []
        self._connection.execute("BEGIN")
        try:
            for statement in statements:
                if rules.is_too_long(statement.sql):
                    raise D1SqlError(rules.TOO_LONG)
                found = self._connection.execute(statement.sql, statement.params).fetchall()
                results.append([{key: row[key] for key in row.keys()} for row in found])  # noqa: SIM118  a Row
            self._connection.execute("COMMIT")
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise D1SqlError(rules.worded(error)) from None
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        return results
