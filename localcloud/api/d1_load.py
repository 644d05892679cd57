"""A file of SQL, run on the copy of a database by D1's rules and as one transaction.

For what is too large for one call of workerd. SQLite applies the limits itself where it can be told
them (developers.cloudflare.com/d1/platform/limits); what workerd's D1 doesn't let through, nor does
this. `tests/localcloud/test_d1_load.py` holds both to the same answers.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from localcloud.api.sql_statements import StatementError, statements

MAX_STATEMENT_BYTES = 100_000
_LIMITS = {
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 32,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 50,
    sqlite3.SQLITE_LIMIT_LENGTH: 2_000_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}
# What workerd lets through (src/workerd/util/sqlite.c++, ALLOWED_PRAGMAS and isAllowedTrigger).
_PRAGMAS = frozenset(
    {
        "case_sensitive_like", "data_version", "defer_foreign_keys", "foreign_key_check",
        "foreign_key_list", "foreign_keys", "function_list", "ignore_check_constraints",
        "index_info", "index_list", "index_xinfo", "legacy_alter_table", "optimize",
        "quick_check", "recursive_triggers", "reverse_unordered_selects", "table_info",
        "table_list", "table_xinfo",
    }
)  # fmt: skip
_MODULES = frozenset({"fts5", "fts5vocab", "rtree", "rtree_i32"})
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
_INTERNAL = "_cf_"
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
        connection.execute("PRAGMA foreign_keys = ON")
        for limit, value in _LIMITS.items():
            connection.setlimit(limit, value)
        connection.set_authorizer(_authorize)
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
            if len(statement) * 4 > MAX_STATEMENT_BYTES < len(statement.encode()):
                raise LoadRefused("statement too long: SQLITE_TOOBIG")
            for _ in connection.execute(statement):
                pass  # an answer's rows are asked for by nobody
            count += 1
            if count % _TOLD_EVERY == 0:
                told(count, read)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise LoadRefused(_worded(error)) from error
    except (StatementError, sqlite3.Warning, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise
        raise LoadRefused(str(error)) from error
    return Loaded(count, connection.total_changes)


def _authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
    refused = (
        action in _REFUSED
        or (action == sqlite3.SQLITE_PRAGMA and str(first).lower() not in _PRAGMAS)
        or (action == sqlite3.SQLITE_CREATE_VTABLE and str(second).lower() not in _MODULES)
        or any(str(name).lower().startswith(_INTERNAL) for name in (first, second))
    )
    return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK


def _worded(error: sqlite3.Error) -> str:
    """SQLite's text with the code's name behind it, as workerd words it."""
    name = getattr(error, "sqlite_errorname", None) or "SQLITE_ERROR"
    return f"{error}: {'_'.join(name.split('_')[:2])}"
