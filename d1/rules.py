"""D1's limits and refusals, put on a SQLite connection of one's own.

Sources: developers.cloudflare.com/d1/platform/limits for the limits; workerd for what it lets
through (``src/workerd/util/sqlite.c++``, ``ALLOWED_PRAGMAS`` and the authorizer callback).
``tests/localcloud/test_d1_load.py`` holds this module and workerd to the same answers.
"""

from __future__ import annotations

import sqlite3

MAX_STATEMENT_BYTES = 100_000
MAX_VALUE_BYTES = 2_000_000
"""Of a text, a BLOB or a whole row."""
MAX_PARAMETERS = 100
"""Values that one statement binds."""
TOO_LONG = "statement too long: SQLITE_TOOBIG"
"""workerd's text for a statement of more than `MAX_STATEMENT_BYTES`."""

_LIMITS = {
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 32,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: MAX_PARAMETERS,
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
_READ_BY_RTREE = "page_size"
"""Read by the module rtree itself when it makes a table; workerd asks nobody about that."""
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


def restrict(connection: sqlite3.Connection) -> None:
    """Let the connection take what D1 takes, from now on, with foreign keys that hold."""
    connection.execute("PRAGMA foreign_keys = ON")
    for limit, value in _LIMITS.items():
        connection.setlimit(limit, value)
    connection.set_authorizer(_authorize)


def is_too_long(statement: str) -> bool:
    """Return whether a statement has more than `MAX_STATEMENT_BYTES`; SQLite has no such limit."""
    return len(statement.encode()) > MAX_STATEMENT_BYTES


def worded(error: sqlite3.Error | sqlite3.Warning) -> str:
    """Return SQLite's text with the code's name behind it, as workerd words it."""
    name = getattr(error, "sqlite_errorname", None) or "SQLITE_ERROR"
    return f"{error}: {'_'.join(name.split('_')[:2])}"


def _authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
    refused = (
        action in _REFUSED
        or (action == sqlite3.SQLITE_PRAGMA and not _is_allowed_pragma(str(first).lower(), second))
        or (action == sqlite3.SQLITE_CREATE_VTABLE and str(second).lower() not in _MODULES)
        or any(str(name).lower().startswith(_INTERNAL) for name in (first, second))
    )
    return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK


def _is_allowed_pragma(name: str, value: str | None) -> bool:
    return name in _PRAGMAS or (name == _READ_BY_RTREE and value is None)
