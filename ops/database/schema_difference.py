"""The statements that lead from one schema to another.

New and dropped tables, indexes, views and triggers, and columns that can be added in place, become
single statements. Any other change of a table rebuilds it, as SQLite's documentation advises
("Making Other Kinds Of Table Schema Changes"): a new table, the rows copied, the old one dropped,
the new one renamed. Views and triggers stand aside meanwhile, since a renaming fails where one of
them names what isn't there.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from infra.migrations.schema import quoted, text_literal
from ops.stacks.errors import UsageError

NO_SHADOW = "name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow')"
"""Leaves out what a virtual table keeps for itself, and makes itself."""
_SPACE = re.compile(r"\s+|--[^\n]*")
_STRING = re.compile(r"('(?:[^']|'')*')")
_REFERENCED = re.compile(r"\bREFERENCES\s+[\"`\[]?\w+", re.IGNORECASE)
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
                    statements.extend(
                        f"ALTER TABLE {quoted(name)} ADD COLUMN {one}" for one in added
                    )
        dropped = [name for name in reversed(list(old_tables)) if name not in new_tables]
        gone = _gone(old_others, new_others, rebuilt, new_tables, moved=bool(rebuilt or dropped))
        drops = [
            f"DROP {kind.upper()} {quoted(name)}"
            for kind in ("trigger", "view", "index")
            for name in gone
            if old_others[name][0] == kind
        ]
        made = [
            sql
            for name, (_, table, sql) in new_others.items()
            if name not in old_others or table in rebuilt or name in gone
        ]
        removed = [f"DROP TABLE {quoted(name)}" for name in dropped]
        return cls(statements=(*drops, *statements, *removed, *made), loses_data=(*lost, *dropped))


def _gone(
    old: Mapping[str, tuple[str, str, str]],
    new: Mapping[str, tuple[str, str, str]],
    rebuilt: Collection[str],
    tables: Collection[str],
    *,
    moved: bool,
) -> list[str]:
    """Return the indexes, views and triggers that are dropped before anything else is done.

    Args:
        old: what there is, by name.
        new: what there will be, by name.
        rebuilt: tables that are built anew; the indexes that stay go with the old ones.
        tables: tables that there will be.
        moved: whether a table is built anew or dropped.
    """
    found = []
    for name, (kind, table, sql) in old.items():
        changed = _plain(new.get(name, ("", "", ""))[2]) != _plain(sql)
        if kind == "index":
            # One that goes for good is dropped by its name, so that the file declares the loss.
            stays = name in new and table in rebuilt
            if changed and table in tables and not stays:
                found.append(name)
        elif changed or moved:
            found.append(name)
    # A trigger goes with its view, whichever of the two was made first.
    views = {name for name in found if old[name][0] == "view"}
    found += [n for n, (k, t, _) in old.items() if k == "trigger" and t in views and n not in found]
    return found


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
        "SELECT name, sql FROM sqlite_master WHERE type = ? AND sql IS NOT NULL "  # noqa: S608
        f"AND name NOT GLOB 'sqlite_*' AND {NO_SHADOW} ORDER BY rowid",
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
    """Return the statement without spaces, comments and quotes, which mean nothing here.

    Nor does the case of a table that is referred to: a renaming writes it as the table has it.
    """
    parts = _STRING.split(sql)
    parts[::2] = [_REFERENCED.sub(lambda found: found[0].lower(), part) for part in parts[::2]]
    return _PART.sub(lambda found: found[1] or "", "".join(parts))


def _columns(connection: sqlite3.Connection, table: str) -> Mapping[str, _Column]:
    rows = connection.execute(f"PRAGMA table_xinfo({quoted(table)})")
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
            trial.execute(f"ALTER TABLE {quoted(table)} ADD COLUMN {definition}")
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
        keys = connection.execute(f"PRAGMA foreign_key_list({quoted(name)})").fetchall()
        # SQLite compares names without case.
        if name != table and any(str(key[2]).lower() == table.lower() for key in keys):
            return name
    return ""


def _rebuild(old: sqlite3.Connection, new: sqlite3.Connection, table: str, sql: str) -> list[str]:
    if referring := _referring(old, table):
        # D1 can't switch foreign keys off: dropping the table would delete rows of the other one.
        raise UsageError(
            f"{table} has to be rebuilt, and {referring} refers to it. Write this migration by "
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
    names = ", ".join(map(quoted, shared))
    created = re.sub(
        rf"(CREATE TABLE\s+)[\"\[`]?{re.escape(table)}[\"\]`]?",
        lambda found: f"{found[1]}{quoted(staged)}",
        sql,
        count=1,
        flags=re.IGNORECASE,
    )
    created = _refers_to_itself(created, table, staged)
    copied = f"INSERT INTO {quoted(staged)} ({names}) SELECT {names} FROM {quoted(table)}"  # noqa: S608  the schema's
    return [
        "PRAGMA defer_foreign_keys=TRUE",
        created,
        copied,
        *(_counter(table, staged) if _counts(old, table) and _counts(new, table) else ()),
        f"DROP TABLE {quoted(table)}",
        f"ALTER TABLE {quoted(staged)} RENAME TO {quoted(table)}",
    ]


def _refers_to_itself(created: str, table: str, staged: str) -> str:
    """Let the staged table's references to its own name lead to itself; the renaming follows them.

    They would lead to the old table, and dropping that one deletes what refers to it.
    """
    reference = re.compile(
        rf"(\bREFERENCES\s+)(?:[\"`\[]{re.escape(table)}[\"`\]]|{re.escape(table)}(?!\w))",
        re.IGNORECASE,
    )
    parts = _STRING.split(created)
    parts[::2] = [
        reference.sub(lambda found: f"{found[1]}{quoted(staged)}", part) for part in parts[::2]
    ]
    return "".join(parts)


def _counts(connection: sqlite3.Connection, table: str) -> bool:
    """Whether the table's ids are never used twice."""
    return "AUTOINCREMENT" in _plain(_objects(connection, "table")[table]).upper()


def _counter(table: str, staged: str) -> tuple[str, str]:
    """Return what takes the counter of ids along: the copied rows know the highest that is left."""
    old, new = text_literal(table), text_literal(staged)
    kept = f"SELECT {new}, seq FROM sqlite_sequence WHERE name = {old}"  # noqa: S608
    return (
        f"DELETE FROM sqlite_sequence WHERE name = {new}",  # noqa: S608
        f"INSERT INTO sqlite_sequence (name, seq) {kept}",
    )
