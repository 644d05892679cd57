"""What a database holds, and what of it another state of it lacks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from infra.migrations.d1 import Statement
from infra.migrations.schema import (
    Queries,
    SchemaObject,
    Table,
    plain_sql,
    quoted,
    read_objects,
    read_tables,
    value_literal,
)

_CHECK = re.compile(r"\bcheck\s*\(")
_SEQUENCES = "SELECT name, seq FROM sqlite_sequence"


@dataclass(frozen=True)
class Loss:
    """Something that was there and isn't any more.

    Attributes:
        name: what a `-- loses:` line names: a table, `table.column`, `table.constraints`,
            `table.autoincrement`, an index, a trigger or a view; in small letters.
        reason: what happened to it, without any data.
    """

    name: str
    reason: str

    @property
    def covers(self) -> frozenset[str]:
        """The declarations that cover it: its own, and that of its whole table."""
        return frozenset({self.name, self.name.partition(".")[0]})

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})"


@dataclass(frozen=True)
class Changes:
    """What a file says itself that it changes, so that it counts as meant.

    Attributes:
        tables: new names of renamed tables, by the old ones.
        columns: new names of renamed columns, by (table's old name, old name).
        updated: the columns that an UPDATE sets, by (table, column).
        dropped: indexes, triggers and views that a DROP names.
    """

    tables: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[tuple[str, str], str] = field(default_factory=dict)
    updated: frozenset[tuple[str, str]] = frozenset()
    dropped: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Contents:
    """Schema and rows of a database, read as a whole: of scratch databases and small ones.

    `rows` holds each table's rows as SQL literals in the order of its stored columns; `counters`
    the highest keys that AUTOINCREMENT remembers.
    """

    objects: Mapping[str, SchemaObject]
    tables: Mapping[str, Table]
    rows: Mapping[str, Sequence[tuple[str, ...]]]
    counters: Mapping[str, int]

    @classmethod
    def read(cls, database: Queries) -> Contents:
        """Read everything but what SQLite, D1 and the migrations keep for themselves."""
        objects = {found.key: found for found in read_objects(database)}
        tables = read_tables(database)
        selections = [Statement(_selection(table)) for table in tables.values()]
        answers = database.batch(selections) if selections else []
        counted: dict[str, int] = {}
        if any(table.counts_up for table in tables.values()):
            found, *_ = database.batch([Statement(_SEQUENCES)])
            counted = {str(row["name"]).lower(): int(row["seq"] or 0) for row in found}
        return cls(
            objects=objects,
            tables=tables,
            rows={
                key: [tuple(str(value) for value in row.values()) for row in rows]
                for key, rows in zip(tables, answers, strict=True)
            },
            counters={key: counted.get(key, 0) for key, t in tables.items() if t.counts_up},
        )

    def losses(self, after: Contents, changes: Changes | None = None) -> list[Loss]:
        """Return what of this database is not in `after`, in the order of the tables."""
        meant = changes or Changes()
        found: list[Loss] = []
        for table in self.tables.values():
            now = after.tables.get(meant.tables.get(table.key, table.key))
            if now is None:
                found.append(Loss(table.key, "the table is gone"))
            else:
                found += self._lost_of(table, now, after, meant)
        for name, one in self.objects.items():
            if one.kind != "table" and name not in after.objects and name not in meant.dropped:
                found.append(Loss(name, f"the {one.kind} is gone, and no DROP names it"))
        return found

    def leftovers(self, after: Contents) -> list[str]:
        """Return what `after` has and this database hasn't, or has otherwise: names and why."""
        found = [
            f"{one.kind} {one.name} is still there"
            for name, one in after.objects.items()
            if name not in self.objects
        ]
        for key in self.tables.keys() & after.tables.keys():
            before, now = self.tables[key], after.tables[key]
            known = {column.name.lower() for column in before.columns}
            found += [
                f"column {key}.{column.name} is still there"
                for column in now.columns
                if column.name.lower() not in known
            ]
            if _definition(before) != _definition(now):
                found.append(f"table {key} has other columns or constraints than before")
            missing = Counter(self.rows[key]) - Counter(after.rows[key])
            more = len(after.rows[key]) - len(self.rows[key])
            if more > 0 and not missing:
                found.append(f"{more} rows of {key} are still there")
        found += [
            f"{one.kind} {one.name} isn't what it was"
            for name, one in self.objects.items()
            if one.kind != "table"
            and name in after.objects
            and after.objects[name].plain != one.plain
        ]
        return sorted(found)

    def _lost_of(self, table: Table, now: Table, after: Contents, meant: Changes) -> Iterator[Loss]:
        key, there = table.key, {column.name.lower(): column for column in now.columns}
        kept: list[tuple[int, int]] = []
        positions = {column.name.lower(): at for at, column in enumerate(now.stored)}
        for at, column in enumerate(table.stored):
            name = column.name.lower()
            new = meant.columns.get((key, name), name)
            if new not in there:
                yield Loss(f"{key}.{name}", "the column is gone")
                continue
            if (key, name) not in meant.updated and new in positions:
                kept.append((at, positions[new]))
            one = there[new]
            for had, has, what in (
                (column.not_null, one.not_null, "NOT NULL"),
                (column.default is not None, one.default is not None, "its DEFAULT"),
                (column.key, one.key, "its place in the primary key"),
            ):
                if had and not has:
                    yield Loss(f"{key}.{name}", f"the column has lost {what}")
        yield from self._lost_rows(table, kept, after.rows[now.key])
        yield from _lost_constraints(table, now)
        if key in self.counters and after.counters.get(now.key, 0) < self.counters[key]:
            yield Loss(f"{key}.autoincrement", "keys that were given before are given again")

    def _lost_rows(
        self, table: Table, kept: Sequence[tuple[int, int]], now: Sequence[tuple[str, ...]]
    ) -> Iterator[Loss]:
        before = self.rows[table.key]
        if len(now) < len(before):
            gone = len(before) - len(now)
            yield Loss(table.key, f"{gone} of {len(before)} rows are gone")
            return
        old = Counter(tuple(row[at] for at, _ in kept) for row in before)
        new = Counter(tuple(row[at] for _, at in kept) for row in now)
        if not old - new:
            return
        columns = [column.name.lower() for column in table.stored]
        changed = [
            columns[at]
            for at, there in kept
            if Counter(row[at] for row in before) - Counter(row[there] for row in now)
        ]
        for name in changed:
            yield Loss(f"{table.key}.{name}", "values of the column are changed or gone")
        if not changed:
            yield Loss(table.key, "values have moved to other rows")


def _lost_constraints(table: Table, now: Table) -> Iterator[Loss]:
    name = f"{table.key}.constraints"
    checks = [len(_CHECK.findall(plain_sql(one.sql))) for one in (table, now)]
    if checks[1] < checks[0]:
        yield Loss(name, f"{checks[0] - checks[1]} CHECK constraints are gone")
    references = [
        {(tuple(map(str.lower, key.columns)), key.parent) for key in one.foreign_keys}
        for one in (table, now)
    ]
    for columns, parent in sorted(references[0] - references[1]):
        yield Loss(name, f"the reference of {', '.join(columns)} to {parent} is gone")
    for columns in sorted(table.unique - now.unique):
        yield Loss(name, f"UNIQUE or PRIMARY KEY ({', '.join(columns)}) is gone")
    if table.counts_up and not now.counts_up:
        yield Loss(f"{table.key}.autoincrement", "AUTOINCREMENT is gone")


def _definition(table: Table) -> tuple[object, ...]:
    """Return what a table is, in whatever order its columns were written."""
    columns = sorted(
        (one.name.lower(), one.type.lower(), one.not_null, one.default, one.key, one.hidden)
        for one in table.columns
    )
    references = sorted(
        (key.columns, key.parent, key.targets, key.on_delete) for key in table.foreign_keys
    )
    checks = len(_CHECK.findall(plain_sql(table.sql)))
    return columns, references, sorted(table.unique), checks, table.has_rowid, table.counts_up


def _selection(table: Table) -> str:
    values = ", ".join(
        f"{value_literal(column.name)} AS c{at}" for at, column in enumerate(table.stored)
    )
    return f"SELECT {values or '1 AS c0'} FROM {quoted(table.name)}"  # noqa: S608  schema's names
