"""What a D1 database is made of, read from its own catalogue through any query interface.

Names are compared as names, never by a pattern: `_` is a wildcard of LIKE, so that `pcf_rates`
would count as one of D1's `_cf_` tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from infra.migrations.d1 import Row, Statement

OBJECTS = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid"
"""Everything in the catalogue, in the order in which it was made."""

EARLIER_PREFIX = "earlier_"
"""What a table of an earlier service is called in a database that was adopted. Rows that this
schema has no place for may stay in it; it is no part of the schema.
"""

_SHADOWS = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'"
_VIRTUAL = re.compile(r"CREATE\s+VIRTUAL\s+TABLE\b", re.I)
_WORDS = re.compile(
    r"('(?:[^']|'')*')|--[^\n]*|/\*.*?\*/|\s+|\"((?:[^\"]|\"\")*)\"|`([^`]*)`|\[([^\]]*)\]", re.S
)

_TEXT = "\0"
"""Stands for a text while the layout around it is taken away: SQLite reads no SQL behind a NUL."""


class Queries(Protocol):
    """A database that runs batches of statements, each batch as one transaction."""

    def batch(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run the statements and return each one's rows."""


@dataclass(frozen=True)
class SchemaObject:
    """A table, index, view or trigger. `sql` made it; `table` is what it belongs to."""

    kind: str
    name: str
    table: str
    sql: str

    @property
    def key(self) -> str:
        """The name as SQLite compares it."""
        return self.name.lower()

    @property
    def is_virtual(self) -> bool:
        """Whether a module such as FTS5 keeps the table."""
        return self.kind == "table" and _VIRTUAL.match(self.sql) is not None

    @property
    def plain(self) -> str:
        """The statement without layout, comments and quotes of names, which mean nothing."""
        return plain_sql(self.sql)


def read_objects(database: Queries, *, with_ledger: bool = False) -> tuple[SchemaObject, ...]:
    """Return all objects but SQLite's and D1's own, in the order of making.

    The tables behind a virtual table are left out: they come and go with it.

    Args:
        database: whose objects.
        with_ledger: also what the migrations keep for themselves.
    """
    is_left_out = is_reserved if with_ledger else is_internal
    rows, shadows = database.batch([Statement(OBJECTS), Statement(_SHADOWS)])
    hidden = {str(row["name"]).lower() for row in shadows}
    return tuple(
        SchemaObject(str(row["type"]), str(row["name"]), str(row["tbl_name"]), str(row["sql"]))
        for row in rows
        if row["sql"] is not None
        and not is_left_out(str(row["name"]))
        and not is_left_out(str(row["tbl_name"]))
        and str(row["tbl_name"]).lower() not in hidden
    )


def is_internal(name: str) -> bool:
    """Tell whether SQLite, D1 or the migrations themselves keep a table of this name."""
    return is_reserved(name) or name.lower().startswith("d1_migrations")


def is_reserved(name: str) -> bool:
    """Tell whether a name is SQLite's (`sqlite_`) or D1's (`_cf_`): nobody else can make it."""
    return name.lower().startswith(("sqlite_", "_cf_"))


def quoted(name: str) -> str:
    """Return a name as SQLite reads it whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(text: str) -> str:
    """Return text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def value_literal(column: str) -> str:
    """Return an expression that gives a column's value as an SQL literal, of its very type.

    SQLite's `quote()` ends a text at its first NUL; `hex()` doesn't.
    """
    name = quoted(column)
    return (
        f"CASE WHEN typeof({name}) = 'text' AND instr({name}, char(0)) "
        f"THEN 'CAST(X''' || hex({name}) || ''' AS TEXT)' ELSE quote({name}) END"
    )


@lru_cache(maxsize=1024)
def plain_sql(sql: str) -> str:
    """Return SQL without layout, comments and quotes of names, and in small letters but for text.

    Args:
        sql: one statement; work is linear in its length.
    """
    parts: list[str] = []
    texts: list[str] = []
    end = 0
    sql = sql.replace(_TEXT, " ")
    for found in _WORDS.finditer(sql):
        parts.append(sql[end : found.start()].lower())
        end = found.end()
        if found[1] is not None:
            texts.append(found[1])
            parts.append(_TEXT)
        else:
            parts.append((found[2] or found[3] or found[4] or " ").lower())
    parts.append(sql[end:].lower())
    layout = re.sub(r"\s+", " ", "".join(parts))
    first, *rest = re.sub(r"\s*([(),;=<>])\s*", r"\1", layout).strip().split(_TEXT)
    return "".join([first, *(text + part for text, part in zip(texts, rest, strict=True))])


@dataclass(frozen=True)
class Column:
    """One column. `hidden` is SQLite's: 0 stored, 1 of a virtual table, 2 and 3 generated."""

    name: str
    type: str
    not_null: bool
    default: str | None
    key: int
    hidden: int

    @property
    def is_stored(self) -> bool:
        """Whether an INSERT may give it a value."""
        return self.hidden == 0


@dataclass(frozen=True)
class ForeignKey:
    """A reference: `columns` of the table to `targets` of `parent` (empty: its primary key)."""

    columns: tuple[str, ...]
    parent: str
    targets: tuple[str, ...]
    on_delete: str


@dataclass(frozen=True)
class Table:
    """A table's columns, in order, and what ties it to others."""

    name: str
    sql: str
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...]
    unique: frozenset[tuple[str, ...]]
    has_rowid: bool
    is_virtual: bool

    @property
    def key(self) -> str:
        """The name as SQLite compares it."""
        return self.name.lower()

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that hold values of their own."""
        return tuple(column for column in self.columns if column.is_stored)

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The key's columns in its order; empty where the rowid is the only key."""
        keyed = sorted((column.key, column.name) for column in self.columns if column.key)
        return tuple(name for _, name in keyed)

    @property
    def counts_up(self) -> bool:
        """Whether SQLite remembers the highest key ever given (AUTOINCREMENT)."""
        return "autoincrement" in plain_sql(self.sql)

    @property
    def rowid(self) -> str | None:
        """A name by which the rowid can be read; None where a column hides every name of it."""
        taken = {column.name.lower() for column in self.columns}
        free = (name for name in ("_rowid_", "rowid", "oid") if name not in taken)
        return next(free, None) if self.has_rowid else None


def read_tables(database: Queries, *, with_ledger: bool = False) -> Mapping[str, Table]:
    """Return the tables by their names in small letters, in the order in which they were made."""
    everything = read_objects(database, with_ledger=with_ledger)
    objects = [found for found in everything if found.kind == "table"]
    questions: list[Statement] = []
    for found in objects:
        name = text_literal(found.name)
        questions += [
            # The names come from the catalogue and are literals here.
            Statement(f"SELECT * FROM pragma_table_xinfo({name}) ORDER BY cid"),  # noqa: S608
            Statement(f"SELECT * FROM pragma_foreign_key_list({name}) ORDER BY id, seq"),  # noqa: S608
            Statement(
                "SELECT l.name AS index_name, i.name AS column_name "  # noqa: S608
                f"FROM pragma_index_list({name}) l, pragma_index_xinfo(l.name) i "
                'WHERE l."unique" AND NOT l.partial AND i.key ORDER BY l.name, i.seqno'
            ),
            Statement(
                "SELECT wr FROM pragma_table_list WHERE schema = 'main' "  # noqa: S608
                f"AND name = {name}"
            ),
        ]
    answers = database.batch(questions) if questions else []
    return {
        found.key: _table(found, answers[4 * at : 4 * at + 4]) for at, found in enumerate(objects)
    }


def _table(found: SchemaObject, answers: Sequence[Sequence[Row]]) -> Table:
    columns, references, unique, listed = answers
    keys: dict[int, list[Row]] = {}
    for row in references:
        keys.setdefault(int(row["id"]), []).append(row)
    indexes: dict[str, list[Any]] = {}
    for row in unique:
        indexes.setdefault(str(row["index_name"]), []).append(row["column_name"])
    return Table(
        name=found.name,
        sql=found.sql,
        columns=tuple(
            Column(
                name=str(row["name"]),
                type=str(row["type"] or ""),
                not_null=bool(row["notnull"]),
                default=None if row["dflt_value"] is None else str(row["dflt_value"]),
                key=int(row["pk"]),
                hidden=int(row["hidden"]),
            )
            for row in columns
        ),
        foreign_keys=tuple(map(_foreign_key, keys.values())),
        unique=frozenset(
            tuple(str(name).lower() for name in names)
            for names in indexes.values()
            if None not in names
        ),
        has_rowid=not any(row["wr"] for row in listed),
        is_virtual=found.is_virtual,
    )


def _foreign_key(rows: Sequence[Row]) -> ForeignKey:
    first, *_ = rows
    targets = tuple(str(row["to"]) for row in rows if row["to"] is not None)
    return ForeignKey(
        columns=tuple(str(row["from"]) for row in rows),
        parent=str(first["table"]).lower(),
        targets=targets,
        on_delete=str(first["on_delete"]).upper(),
    )
