"""The statements that lead from one schema to another.

New and dropped tables and indexes, and columns that can be added in place, become single
statements. Any other change of a table rebuilds it, as SQLite's documentation advises ("Making
Other Kinds Of Table Schema Changes"): a new table, the rows copied, the old one dropped, the new
one renamed.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.stacks.errors import UsageError

_SPACE = re.compile(r"\s+|--[^\n]*")
_PART = re.compile(r"('(?:[^']|'')*')|\s+|--[^\n]*|[\"`\[\]]")


@dataclass(frozen=True)
class _Column:
    name: str
    type: str
    not_null: bool
    default: str | None
    key: bool


@dataclass(frozen=True)
class SchemaDifference:
    """What is to be done, in order; nothing where the schemas are the same.

    Attributes:
        statements: SQL without semicolons.
        loses_data: tables and columns whose content goes.
    """

    statements: tuple[str, ...]
    loses_data: tuple[str, ...]

    @classmethod
    def between(cls, before: Sequence[str], after: Sequence[str]) -> SchemaDifference:
        """Compare two schemas, each as its CREATE statements.

        Raises:
            UsageError: a statement isn't SQL that SQLite takes.
        """
        old, new = _load(before), _load(after)
        old_tables, new_tables = _objects(old, "table"), _objects(new, "table")
        changed = {
            name
            for name in old_tables.keys() & new_tables.keys()
            if _plain(old_tables[name]) != _plain(new_tables[name])
        }
        statements: list[str] = []
        lost: list[str] = []
        rebuilt = set()
        old_others, new_others = _others(old), _others(new)
        for name, sql in new_tables.items():
            if name not in old_tables:
                statements.append(sql)
            elif name in changed:
                added = _added_in_place(old, new, name)
                if added is None:
                    rebuilt.add(name)
                    statements.extend(_rebuild(old, new, name, sql))
                    lost.extend(f"{name}.{column}" for column in _dropped(old, new, name))
                else:
                    statements.extend(f"ALTER TABLE {name} ADD COLUMN {one}" for one in added)
        gone = [
            (kind, name)
            for name, (kind, table, sql) in old_others.items()
            if table not in rebuilt
            and table in new_tables
            and _plain(new_others.get(name, ("", "", ""))[2]) != _plain(sql)
        ]
        drops = [f"DROP {kind.upper()} {name}" for kind, name in gone]
        made = [
            sql
            for name, (_, table, sql) in new_others.items()
            if name not in old_others or table in rebuilt or name in {one for _, one in gone}
        ]
        dropped = [name for name in reversed(list(old_tables)) if name not in new_tables]
        return cls(
            statements=(*drops, *statements, *made, *(f"DROP TABLE {name}" for name in dropped)),
            loses_data=(*lost, *dropped),
        )


def _load(statements: Sequence[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for statement in statements:
        try:
            connection.execute(statement)
        except sqlite3.Error as error:
            first = _SPACE.sub(" ", statement).strip()[:60]
            raise UsageError(f"The schema has an error at '{first} …': {error}.") from None
    return connection


def _objects(connection: sqlite3.Connection, kind: str) -> Mapping[str, str]:
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = ? AND sql IS NOT NULL "
        "AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
        (kind,),
    )
    return {str(name): str(sql) for name, sql in rows}


def _others(connection: sqlite3.Connection) -> Mapping[str, tuple[str, str, str]]:
    """Indexes, triggers and views: name → (kind, table, SQL)."""
    rows = connection.execute(
        "SELECT name, type, tbl_name, sql FROM sqlite_master WHERE type <> 'table' "
        "AND sql IS NOT NULL ORDER BY rowid"
    )
    return {str(name): (str(kind), str(table), str(sql)) for name, kind, table, sql in rows}


def _plain(sql: str) -> str:
    """Return the statement without spaces, comments and quotes, which mean nothing here."""
    return _PART.sub(lambda found: found[1] or "", sql)


def _columns(connection: sqlite3.Connection, table: str) -> Mapping[str, _Column]:
    rows = connection.execute(f"PRAGMA table_xinfo({table})")
    return {
        str(row[1]): _Column(str(row[1]), str(row[2]), bool(row[3]), row[4], bool(row[5]))
        for row in rows
        if row[6] == 0
    }


def _dropped(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> list[str]:
    kept = _columns(new, table)
    return [name for name in _columns(old, table) if name not in kept]


def _added_in_place(
    old: sqlite3.Connection, new: sqlite3.Connection, table: str
) -> list[str] | None:
    """Return the columns' definitions that were added at the end; None if more changed."""
    before = _objects(old, "table")[table]
    after = _objects(new, "table")[table]
    added = [name for name in _columns(new, table) if name not in _columns(old, table)]
    if not added:
        return None
    definitions = [_definition(after, name) for name in added]
    if None in definitions:
        return None
    trial = sqlite3.connect(":memory:")
    try:
        trial.execute(before)
        for definition in definitions:
            trial.execute(f"ALTER TABLE {table} ADD COLUMN {definition}")
    except sqlite3.Error:
        return None
    # What ALTER TABLE leads to must be the table that is wanted, constraints included.
    if _shape(trial, table) != _shape(new, table):
        return None
    return [definition for definition in definitions if definition is not None]


def _definition(sql: str, column: str) -> str | None:
    """Return a column's own line of a CREATE TABLE with one line a column."""
    found = re.search(rf"^\s*({re.escape(column)}\b.*?),?\s*$", sql, re.MULTILINE)
    return found[1].rstrip(",") if found else None


def _shape(connection: sqlite3.Connection, table: str) -> tuple[object, ...]:
    sql = _objects(connection, "table")[table]
    checks = sorted(
        _plain(part) for part in re.findall(r"(?:CHECK|UNIQUE|REFERENCES)\b[^\n]*", sql)
    )
    return (
        sorted(_columns(connection, table).values(), key=lambda column: column.name),
        [part.rstrip(",)") for part in checks],
    )


def _referring(connection: sqlite3.Connection, table: str) -> str:
    """Return a table with a foreign key to this one; empty where there is none."""
    for name in _objects(connection, "table"):
        keys = connection.execute(f"PRAGMA foreign_key_list({name})").fetchall()
        if name != table and any(str(key[2]) == table for key in keys):
            return name
    return ""


def _rebuild(old: sqlite3.Connection, new: sqlite3.Connection, table: str, sql: str) -> list[str]:
    if referring := _referring(old, table):
        # D1 can't switch foreign keys off: dropping the table would delete rows of the other one.
        raise UsageError(
            f"{table} has to be built anew, and {referring} refers to it. Write this migration by "
            "hand."
        )
    after = _columns(new, table)
    shared = [name for name in _columns(old, table) if name in after]
    missing = [
        column.name
        for column in after.values()
        if column.name not in shared and column.not_null and column.default is None
    ]
    if missing:
        raise UsageError(
            f"{table}.{missing[0]} is NOT NULL without a DEFAULT, so existing rows can't have it. "
            "Give it a DEFAULT, or write the migration by hand."
        )
    staged = f"{table}_new"
    names = ", ".join(shared)
    created = re.sub(rf"(CREATE TABLE\s+)[\"\[`]?{table}[\"\]`]?", rf"\g<1>{staged}", sql, count=1)
    return [
        "PRAGMA defer_foreign_keys=TRUE",
        created,
        f"INSERT INTO {staged} ({names}) SELECT {names} FROM {table}",  # noqa: S608  the schema's
        f"DROP TABLE {table}",
        f"ALTER TABLE {staged} RENAME TO {table}",
    ]
