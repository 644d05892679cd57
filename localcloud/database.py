"""One SQLite file, opened so that an acknowledged write survives SIGKILL and power loss."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = sqlite3.Row

_SETTINGS = "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)"


class Database:
    """A connection with WAL, synchronous=FULL and foreign keys, safe to use from several threads.

    A lock serialises the users; transactions are short and never wait for the network.
    """

    def __init__(self, path: Path, schema: Iterable[str]) -> None:
        """Open or create the file and bring its tables into being. Raises sqlite3.Error."""
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        path.chmod(0o600)
        with self.transaction():
            for statement in (_SETTINGS, *schema):
                self._connection.execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is committed together, or not at all when an exception leaves it."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def execute(self, sql: str, *parameters: Any) -> int:
        """Run one statement and return the number of rows it changed."""
        with self._lock:
            return self._connection.execute(sql, parameters).rowcount

    def rows(self, sql: str, *parameters: Any) -> list[Row]:
        """All rows of a query."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, *parameters: Any) -> Row | None:
        """The first row of a query, or None."""
        with self._lock:
            found: Row | None = self._connection.execute(sql, parameters).fetchone()
            return found

    def value(self, sql: str, *parameters: Any) -> Any:
        """The first column of the first row, or None."""
        found = self.row(sql, *parameters)
        return None if found is None else found[0]

    def setting(self, name: str) -> str | None:
        """A small durable value by name, or None."""
        value: str | None = self.value("SELECT value FROM settings WHERE name = ?", name)
        return value

    def set_setting(self, name: str, value: str) -> None:
        """Store a small durable value."""
        self.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", name, value)

    def close(self) -> None:
        """Close the file; later calls raise sqlite3.ProgrammingError."""
        with self._lock:
            self._connection.close()
