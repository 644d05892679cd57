"""A file of SQL, run on the copy of a database by D1's rules and as one transaction.

For what is too large for one call of workerd.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from d1 import rules
from d1.statements import StatementError, statements

_CHUNK = 1 << 20
_CACHE_KIB = 32_768
_TOLD_EVERY = 20_000


@dataclass(frozen=True)
class Loaded:
    """How many statements ran, and how many rows they changed."""

    statements: int
    changes: int


class LoadRefused(Exception):
    """A statement was refused; the text is SQLite's, with its code behind it as workerd has it."""


def load(file: Path, sql: Path, told: Callable[[int, int], None]) -> Loaded:
    """Run a file of SQL on a database that nobody else has open.

    After a refusal the database is good for nothing.

    Args:
        file: the database; one that isn't there is an empty one.
        sql: the statements, in UTF-8.
        told: hears how many statements have run, and how many bytes of the file are read.

    Raises:
        LoadRefused: a statement was refused.
        UnicodeDecodeError: the file isn't UTF-8 text.
    """
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        # The copy of a failed load is thrown away: nothing has to be written twice.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        rules.restrict(connection)
        loaded = _run(connection, sql, told)
    with file.open("rb") as written:
        os.fsync(written.fileno())
    return loaded


def _run(connection: sqlite3.Connection, sql: Path, told: Callable[[int, int], None]) -> Loaded:
    count, read = 0, 0

    def chunks() -> Iterator[str]:
        nonlocal read
        with sql.open(encoding="utf-8", newline="") as text:
            while chunk := text.read(_CHUNK):
                read += len(chunk)
                yield chunk

    try:
        connection.execute("BEGIN")
        for statement in statements(chunks()):
            if rules.is_too_long(statement):
                raise LoadRefused(rules.TOO_LONG)
            for _ in connection.execute(statement):
                pass  # an answer's rows are asked for by nobody
            count += 1
            if count % _TOLD_EVERY == 0:
                told(count, read)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise LoadRefused(rules.worded(error)) from error
    except (StatementError, sqlite3.Warning, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise
        raise LoadRefused(str(error)) from error
    return Loaded(count, connection.total_changes)
