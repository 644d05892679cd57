"""The tables of a stack's database: their names, and the statements that remove them."""

from __future__ import annotations

from ops.database.stack_database import StackDatabase

TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
    "AND name NOT LIKE '_cf_%' ORDER BY "
)
"""A query of the names, to be ended by an order; neither SQLite's own tables nor D1's."""


def table_names(database: StackDatabase) -> list[str]:
    """The tables' names in the order of the alphabet."""
    return [str(row["name"]) for row in database.query(TABLES + "name")]


def clearing(database: StackDatabase) -> list[str]:
    """Statements that, in one transaction, remove every table, the newest first."""
    names = [str(row["name"]) for row in database.query(TABLES + "rowid DESC")]
    return ["PRAGMA defer_foreign_keys=TRUE", *(f"DROP TABLE {quoted(name)}" for name in names)]


def quoted(name: str) -> str:
    """A name as SQLite reads it whatever is in it."""
    return '"' + name.replace('"', '""') + '"'
