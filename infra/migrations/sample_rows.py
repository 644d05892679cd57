"""Made-up rows for a schema, so that a migration is tried on tables that aren't empty.

Every table gets some where its constraints let it, every foreign key is used, and values are the
ones that break things: quotes, NULs, emoji, empty text, numbers at their edges. The same schema
gets the same rows.
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress

from infra.migrations.d1 import Statement
from infra.migrations.schema import (
    Column,
    Queries,
    SchemaObject,
    Table,
    quoted,
    read_objects,
    read_tables,
    text_literal,
    value_literal,
)

ROWS = 4
"""Rows that each table gets, if its constraints let it have so many."""

_TRIES = 300
_PLAIN = ("0", "1", "'a'", "'{}'", "'[]'", "'2026-01-01T00:00:00.000Z'", "2", "NULL")
_ODD_TEXT = (
    "'it''s \"quoted\"; -- not a comment'",
    "'😀 ünïcode'",
    "CAST(X'610062' AS TEXT)",
    "''",
    "'Line one\nline two'",
    "'%_[]'",
    "'1e5'",
)
_ODD_NUMBERS = ("9223372036854775807", "-9223372036854775808", "-1", "0.1", "1.0e+308")
_ODD_BYTES = ("X'00FF'", "X''")
_LITERAL = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b")
_WORD = re.compile(r"\w+")


def sample_rows(database: Queries) -> tuple[list[Statement], list[str]]:
    """Return INSERT statements for the tables of a database that are empty.

    They are meant for one batch that begins with `PRAGMA defer_foreign_keys=TRUE`, in a database
    without triggers.

    Returns:
        The statements, and the names of tables that no row could be made for.
    """
    objects, tables = read_objects(database), read_tables(database)
    present = _present_rows(database, tables)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        copy.execute("PRAGMA foreign_keys = OFF")
        for found in objects:
            if found.kind in ("table", "index"):
                copy.execute(found.sql)
        for key, rows in present.items():
            for row in rows:
                copy.execute(_insert(tables[key], row))
        empty = [key for key in tables if not present[key]]
        for key in empty:
            _fill(copy, tables[key])
        for key in empty:
            _refer(copy, tables, tables[key])
        for key in empty:
            _make_odd(copy, tables[key], tables)
        _without_orphans(copy)
        made = {key: _rows(copy, tables[key]) for key in empty}
    inserts = [Statement(_insert(tables[key], row)) for key, rows in made.items() for row in rows]
    return inserts, [tables[key].name for key in empty if not made[key]]


def without_triggers(
    objects: Sequence[SchemaObject], statements: Sequence[Statement]
) -> list[Statement]:
    """Return the statements between the removal and the return of all triggers."""
    triggers = [found for found in objects if found.kind == "trigger"]
    return [
        *(Statement(f"DROP TRIGGER {quoted(found.name)}") for found in triggers),
        *statements,
        *(Statement(found.sql) for found in triggers),
    ]


def _present_rows(
    database: Queries, tables: Mapping[str, Table]
) -> dict[str, list[tuple[str, ...]]]:
    """Return a few rows of each table as literals: what new rows may refer to."""
    if not tables:
        return {}
    answers = database.batch(
        [Statement(_selection(table) + " LIMIT 50") for table in tables.values()]
    )
    return {
        key: [tuple(str(value) for value in row.values()) for row in rows]
        for key, rows in zip(tables, answers, strict=True)
    }


def _selection(table: Table) -> str:
    values = ", ".join(
        f"{value_literal(column.name)} AS c{at}" for at, column in enumerate(table.stored)
    )
    return f"SELECT {values or '1'} FROM {quoted(table.name)}"  # noqa: S608  the schema's names


def _insert(table: Table, values: Sequence[str]) -> str:
    names = ", ".join(quoted(column.name) for column in table.stored)
    return (
        f"INSERT INTO {quoted(table.name)} ({names}) "  # noqa: S608  the schema's names
        f"VALUES ({', '.join(values)})"
    )


def _fill(copy: sqlite3.Connection, table: Table) -> None:
    """Search for rows that the table's constraints take, the plainest first."""
    chance = random.Random(table.key)  # noqa: S311  the same each time, and no secret
    literals = tuple(dict.fromkeys(_LITERAL.findall(table.sql)))[:200]
    made = 0
    for attempt in range(_TRIES):
        if made == ROWS:
            return
        plain = attempt < _TRIES // 10 or attempt % 2 == 0
        row = _row(copy, table, literals, chance, made=made, plain=plain)
        if row is not None:
            made += 1


def _row(
    copy: sqlite3.Connection,
    table: Table,
    literals: Sequence[str],
    chance: random.Random,
    *,
    made: int,
    plain: bool,
) -> tuple[str, ...] | None:
    """Insert one row, mending what a refusal names; None where none was found."""
    values = [_value(column, literals, chance, made=made, plain=plain) for column in table.stored]
    for _ in range(12):
        try:
            copy.execute(_insert(table, values))
        except sqlite3.Error as error:
            named = {word.lower() for word in _WORD.findall(_constraint(table, str(error)))}
            at = [i for i, column in enumerate(table.stored) if column.name.lower() in named]
            for i in at or range(len(values)):
                values[i] = _value(table.stored[i], literals, chance, made=made, plain=False)
        else:
            return tuple(values)
    return None


def _constraint(table: Table, error: str) -> str:
    """Return the part of the table's statement that a refused row broke, or the refusal itself."""
    name = error.partition("failed: ")[2]
    found = re.search(rf"CONSTRAINT\s+\W?{re.escape(name)}\W?\s+(.*)", table.sql, re.I | re.S)
    return found[1].partition("CONSTRAINT")[0] if found and name else name


def _value(
    column: Column, literals: Sequence[str], chance: random.Random, *, made: int, plain: bool
) -> str:
    kind = column.type.upper()
    number = any(word in kind for word in ("INT", "REAL", "FLOA", "DOUB", "NUM"))
    if column.key == 1 and "INT" in kind:
        return str(made + 1)
    if plain and column.key:
        return str(made) if number else text_literal(f"k{made}")
    if plain and column.default is not None and chance.random() < 0.8:
        return f"({column.default})"
    odd = _ODD_NUMBERS if number else _ODD_BYTES if "BLOB" in kind else (*_ODD_TEXT, "X'41'")
    pool: tuple[str, ...] = _PLAIN[:3] if plain else (*_PLAIN, *odd, *odd)
    if literals and chance.random() < 0.4:
        pool = tuple(literals)
    chosen = chance.choice(pool)
    if not plain and chosen == "'a'":
        chosen = text_literal(f"v{chance.randrange(10**6)}")
    return "1" if chosen == "NULL" and column.not_null else chosen


def _make_odd(copy: sqlite3.Connection, table: Table, tables: Mapping[str, Table]) -> None:
    """Give all rows but the first odd values, in every column that takes them and ties nothing."""
    tied = {name.lower() for key in table.foreign_keys for name in key.columns}
    tied |= {name.lower() for name in table.primary_key}
    for other in tables.values():
        tied |= {
            name.lower()
            for key in other.foreign_keys
            if key.parent == table.key
            for name in key.targets
        }
    free = [column for column in table.stored if column.name.lower() not in tied]
    for row, identity in enumerate(list(_identities(copy, table))[1:]):
        for at, column in enumerate(free):
            kind = column.type.upper()
            odd = _ODD_NUMBERS if "INT" in kind or "REAL" in kind else (*_ODD_TEXT, *_ODD_BYTES)
            values = odd if column.not_null else ("NULL", *odd)
            for shift in range(len(values)):
                value = values[(row + at + shift) % len(values)]
                with suppress(sqlite3.Error):
                    copy.execute(
                        f"UPDATE {quoted(table.name)} "  # noqa: S608  the schema's names
                        f"SET {quoted(column.name)} = {value} WHERE {identity}"
                    )
                    break


def _refer(copy: sqlite3.Connection, tables: Mapping[str, Table], table: Table) -> None:
    """Let each foreign key of the table point at rows that are there, each row at another."""
    for key in table.foreign_keys:
        parent = tables.get(key.parent)
        if parent is None:
            continue
        targets = key.targets or parent.primary_key
        if len(targets) != len(key.columns):
            continue
        source = ", ".join(value_literal(name) for name in targets)
        rows = copy.execute(
            f"SELECT {source} FROM {quoted(parent.name)} ORDER BY 1"  # noqa: S608
        ).fetchall()
        filled = [row for row in rows if "NULL" not in row]
        # NULs and other odd keys are in the parent already: a child takes whatever is there.
        for at, identity in enumerate(_identities(copy, table)):
            if not filled:
                break
            for shift in range(len(filled)):
                row = filled[(at + shift) % len(filled)]
                setting = ", ".join(
                    f"{quoted(name)} = {value}"
                    for name, value in zip(key.columns, row, strict=True)
                )
                with suppress(sqlite3.Error):
                    copy.execute(
                        f"UPDATE {quoted(table.name)} SET {setting} WHERE {identity}"  # noqa: S608
                    )
                    break


def _identities(copy: sqlite3.Connection, table: Table) -> Iterator[str]:
    """Conditions that each meet one row."""
    if table.rowid:
        rows = copy.execute(
            f"SELECT {table.rowid} FROM {quoted(table.name)}"  # noqa: S608  the schema's names
        ).fetchall()
        yield from (f"{table.rowid} = {row[0]}" for row in rows)
        return
    names = table.primary_key
    values = ", ".join(value_literal(name) for name in names)
    rows = copy.execute(
        f"SELECT {values} FROM {quoted(table.name)}"  # noqa: S608  the schema's names
    ).fetchall()
    for row in rows:
        pairs = zip(names, row, strict=True)
        yield " AND ".join(f"{quoted(name)} IS {value}" for name, value in pairs)


def _without_orphans(copy: sqlite3.Connection) -> None:
    """Remove the rows that still refer to nothing, and then those that referred to them."""
    while True:
        with suppress(sqlite3.Error):
            orphans = copy.execute("PRAGMA foreign_key_check").fetchall()
            removed = 0
            for table, rowid, _, _ in orphans:
                where = f" WHERE _rowid_ = {rowid}" if rowid is not None else ""
                removed += copy.execute(f"DELETE FROM {quoted(table)}{where}").rowcount  # noqa: S608
            if removed:
                continue
        return


def _rows(copy: sqlite3.Connection, table: Table) -> list[tuple[str, ...]]:
    return [tuple(str(value) for value in row) for row in copy.execute(_selection(table))]
