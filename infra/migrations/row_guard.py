"""Keeps a migration's batch from being committed where it loses rows that were to stay.

The rows are compared inside the batch's own transaction, with whatever the service wrote up to
then: each table that the file may change is copied before its statements and compared after them.
A difference makes the batch's last statement fail, and D1 takes the whole batch back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from infra.migrations.d1 import LOST_ROWS, Statement
from infra.migrations.file_reading import FileReading
from infra.migrations.schema import (
    Queries,
    Table,
    quoted,
    read_objects,
    read_tables,
    text_literal,
)

_LOSSES = "d1_migrations_losses"


@dataclass(frozen=True)
class RowGuard:
    """Statements around a file's own; nothing of them stays in the database.

    Attributes:
        before: copies the tables.
        after: compares and removes the copies; fails where rows are missing or changed.
    """

    before: Sequence[Statement] = ()
    after: Sequence[Statement] = ()

    @classmethod
    def around(
        cls, database: Queries, statements: Sequence[str], *, may_lose: Collection[str]
    ) -> RowGuard:
        """Guard what the file may change, apart from what it declares to lose.

        Args:
            database: as it is before the file.
            statements: the file's.
            may_lose: tables and `table.column`s, in small letters.
        """
        reading = FileReading.of(statements)
        if reading.is_harmless:
            return cls()
        tables = read_tables(database)
        objects = read_objects(database)
        triggered = {found.table.lower() for found in objects if found.kind == "trigger"}
        guarded = [
            tables[key]
            for key in tables
            if key in reading.touched(tables, triggered)
            and key not in may_lose
            and key not in reading.gone
        ]
        if not guarded:
            return cls()
        before = [Statement(f"CREATE TABLE {_LOSSES} (name TEXT)")]
        after: list[Statement] = []
        for number, table in enumerate(guarded):
            copy = f"d1_migrations_copy_{number}"
            kept = [
                column.name
                for column in table.stored
                if f"{table.key}.{column.name.lower()}" not in may_lose
                and (table.key, column.name.lower()) not in reading.changes.updated
            ]
            before.append(_copied(table, kept, copy))
            after += _compared(table, kept, copy, reading)
        after += [
            # The function's own refusal carries the names: SQLite has no other way to raise them.
            Statement(
                f"SELECT json_extract('{{}}', '{LOST_ROWS}' || json_group_array(name)) "  # noqa: S608
                f"FROM {_LOSSES} HAVING count(*) > 0"
            ),
            Statement(f"DROP TABLE {_LOSSES}"),
        ]
        return cls(before, after)


def _copied(table: Table, kept: Sequence[str], copy: str) -> Statement:
    names = ", ".join(f"{quoted(name)} AS c{at}" for at, name in enumerate(kept))
    return Statement(
        f"CREATE TABLE {copy} AS SELECT {names or '1 AS c0'} "  # noqa: S608  the schema's names
        f"FROM {quoted(table.name)}"
    )


def _compared(
    table: Table, kept: Sequence[str], copy: str, reading: FileReading
) -> list[Statement]:
    now = quoted(reading.changes.tables.get(table.key, table.name))
    renamed = reading.changes.columns
    names = ", ".join(quoted(renamed.get((table.key, name.lower()), name)) for name in kept)
    copied = ", ".join(f"c{at}" for at in range(len(kept)))
    # EXCEPT takes a row that is there twice for one, so that the numbers are compared as well.
    missing = (  # the names are the schema's
        f" OR EXISTS (SELECT {copied} FROM {copy} EXCEPT SELECT {names} FROM {now})"  # noqa: S608
    )
    return [
        Statement(
            f"INSERT INTO {_LOSSES} SELECT {text_literal(table.key)} "  # noqa: S608
            f"WHERE (SELECT count(*) FROM {copy}) > (SELECT count(*) FROM {now})"
            + (missing if kept else "")
        ),
        Statement(f"DROP TABLE {copy}"),
    ]
