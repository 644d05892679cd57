"""A database in memory that judges SQL by D1's rules, for trying migrations and backups.

Sources: Cloudflare, D1, "Limits" (statement length, columns, arguments, value size) and "SQL
statements" (PRAGMAs); what workerd's D1 answers decides the rest: temporary tables, other
databases' files and most PRAGMAs are "not authorized", and foreign keys can't be switched off.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from infra.migrations.d1 import Row, Statement
from infra.migrations.errors import D1SqlError

MAX_STATEMENT_BYTES = 100_000
MAX_VALUE_BYTES = 2_000_000

_LIMITS = {
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 32,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 100,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 50,
    sqlite3.SQLITE_LIMIT_LENGTH: MAX_VALUE_BYTES,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}
_PRAGMAS = frozenset(
    {
        "case_sensitive_like", "data_version", "defer_foreign_keys", "foreign_key_check",
        "foreign_key_list", "foreign_keys", "function_list", "ignore_check_constraints",
        "index_info", "index_list", "index_xinfo", "legacy_alter_table", "optimize",
        "quick_check", "recursive_triggers", "reverse_unordered_selects", "table_info",
        "table_list", "table_xinfo",
    }
)  # fmt: skip
_REFUSED = frozenset(
    {
        sqlite3.SQLITE_ATTACH,
        sqlite3.SQLITE_DETACH,
        sqlite3.SQLITE_CREATE_TEMP_INDEX,
        sqlite3.SQLITE_CREATE_TEMP_TABLE,
        sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
        sqlite3.SQLITE_CREATE_TEMP_VIEW,
    }
)


class ScratchDatabase:
    """SQLite under D1's rules, with the same way to ask as `D1Database`.

    A context manager; what it held is gone at the end.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA foreign_keys = ON")
        for limit, value in _LIMITS.items():
            self._connection.setlimit(limit, value)
        self._connection.set_authorizer(self._authorize)

    def __enter__(self) -> ScratchDatabase:
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
                if len(statement.sql.encode()) > MAX_STATEMENT_BYTES:
                    raise D1SqlError("statement too long: SQLITE_TOOBIG")
                found = self._connection.execute(statement.sql, statement.params).fetchall()
                results.append([{key: row[key] for key in row.keys()} for row in found])  # noqa: SIM118  a Row
            self._connection.execute("COMMIT")
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise D1SqlError(str(error)) from None
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        return results

    @staticmethod
    def _authorize(action: int, first: Any, _second: Any, _schema: Any, _by: Any) -> int:
        if action in _REFUSED:
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_PRAGMA and str(first).lower() not in _PRAGMAS:
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK
