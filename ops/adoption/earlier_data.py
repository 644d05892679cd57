"""Takes the rows of an earlier service over into this service's schema."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.migrations.d1 import D1Database, Statement, retry_unavailable
from infra.migrations.errors import D1Unavailable
from infra.migrations.files import MigrationSet
from infra.migrations.ledger import TABLE
from infra.migrations.migrator import Migrator
from infra.migrations.schema import EARLIER_PREFIX
from ops.adoption.earlier_tables import EARLIER_TABLES, EarlierTable

PAGE = 500
"""Rows of one transaction: D1 ends a query after 30 seconds."""
_PROGRESS = f"{EARLIER_PREFIX}progress"
_SIGN = "revision"
"""A column of ``user_configs`` that only this service's schema has."""


@dataclass(frozen=True)
class EarlierRows:
    """What an earlier service left in a database.

    Attributes:
        rows: how many rows each of its tables has, by the table's present name.
        is_under_way: whether a takeover has begun.
    """

    rows: Mapping[str, int]
    is_under_way: bool


class EarlierData:
    """The takeover of one database; every step can be repeated after a crash at any point.

    First, in one transaction, the earlier tables get names of their own, so that the migrations
    find the place free. Then the schema is migrated and the rows are copied, each page in one
    transaction with the note of how far it went. The earlier rows are dropped last, and only
    those of tables that were taken over whole.

    Raises ``MigrationError`` where the database refuses, or gives no answer.
    """

    def __init__(
        self,
        database: D1Database,
        migrations: Path,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._migrations = migrations
        self._sleep = sleep

    def look(self) -> EarlierRows | None:
        """Say what there is to take over; ``None`` where nothing is."""
        tables = self._tables()
        under_way = any(table.earlier in tables for table in EARLIER_TABLES)
        if not under_way and not self._is_earlier(tables):
            return None
        names = [
            name
            for table in EARLIER_TABLES
            if (name := table.earlier if under_way else table.name) in tables
        ]
        counts = self._run(
            [Statement(f'SELECT COUNT(*) AS n FROM "{name}"') for name in names]  # noqa: S608 - constant names
        )
        rows = {name: int(found[0]["n"]) for name, found in zip(names, counts, strict=True)}
        return EarlierRows(rows, under_way)

    def take_over(self, told: Callable[[str], None] = lambda _: None) -> None:
        """Migrate the database and copy every row that this schema can hold."""
        tables = self._tables()
        if self._is_earlier(tables):
            told("renaming the earlier tables")
            self._make_room(tables)
        told("migrating")
        Migrator(self._database, sleep=self._sleep).apply(MigrationSet.read(self._migrations))
        present = self._tables()
        self._run(
            [
                Statement(
                    f"CREATE TABLE IF NOT EXISTS {_PROGRESS} "
                    "(table_name TEXT PRIMARY KEY, after INTEGER NOT NULL)"
                )
            ]
        )
        for table in EARLIER_TABLES:
            if table.earlier in present:
                told(f"copying {table.name}")
                self._copy(table)

    def finish(self) -> Mapping[str, int]:
        """Drop the earlier tables that were taken over whole; return the rows that stay, by table.

        Those are rows that this schema has no place for; they are never dropped, nor is a table
        that they refer to.
        """
        present = self._tables()
        staying: dict[str, int] = {}
        # Contents before templates: the earlier ones refer to each other as well.
        for table in reversed(EARLIER_TABLES):
            if table.earlier not in present:
                continue
            left = int(self._run([Statement(table.left())])[0][0]["rows_left"])
            if left:
                staying[table.earlier] = left
            elif not self._is_parent(table.earlier, staying):
                self._run([Statement(f"DROP TABLE IF EXISTS {table.earlier}")])
        if not staying:
            leftovers = [f"{EARLIER_PREFIX}{name}" for name in ("schema_migrations", TABLE)]
            self._run(
                [Statement(f"DROP TABLE IF EXISTS {name}") for name in (*leftovers, _PROGRESS)]
            )
        return staying

    def clear_text_left(self) -> int:
        """Return how many configurations aren't sealed with a key."""
        sql = "SELECT COUNT(*) AS n FROM user_configs WHERE substr(config_data, 1, 7) <> 'enc:v2:'"
        return int(self._run([Statement(sql)])[0][0]["n"])

    def _is_earlier(self, tables: set[str]) -> bool:
        return "user_configs" in tables and _SIGN not in self._columns("user_configs")

    def _make_room(self, tables: set[str]) -> None:
        ours = {table.name for table in EARLIER_TABLES} | {"schema_migrations", TABLE}
        listed = self._run(
            [
                Statement(
                    "SELECT name, tbl_name FROM sqlite_master "
                    "WHERE type = 'index' AND sql IS NOT NULL"
                )
            ]
        )[0]
        drops = [f'DROP INDEX "{row["name"]}"' for row in listed if row["tbl_name"] in ours]
        renames = [
            f'ALTER TABLE "{name}" RENAME TO "{EARLIER_PREFIX}{name}"'
            for name in sorted(ours & tables)
        ]
        try:
            self._database.batch([Statement(sql) for sql in (*drops, *renames)])
        except D1Unavailable:
            # Whether it was carried out is unknown: the tables' names tell.
            if self._is_earlier(self._tables()):
                raise

    def _copy(self, table: EarlierTable) -> None:
        columns = self._columns(table.earlier)
        copy = table.copy(columns)
        while True:
            known = self._run(
                [Statement(f"SELECT after FROM {_PROGRESS} WHERE table_name = ?", (table.name,))]  # noqa: S608 - constant name
            )[0]
            after = int(known[0]["after"]) if known else -(2**62)
            page = f"SELECT rowid AS r FROM {table.earlier} WHERE rowid > CAST(?1 AS INTEGER) ORDER BY rowid LIMIT {PAGE}"  # noqa: S608, E501 - constant names
            ids = [int(row["r"]) for row in self._run([Statement(page, (str(after),))])[0]]
            if not ids:
                return
            note = (
                f"INSERT INTO {_PROGRESS} (table_name, after) "  # noqa: S608 - constant name
                "VALUES (?1, CAST(?2 AS INTEGER)) "
                "ON CONFLICT (table_name) DO UPDATE SET after = excluded.after"
            )
            self._run(
                [
                    Statement(copy, (str(after), str(PAGE))),
                    Statement(note, (table.name, str(ids[-1]))),
                ]
            )

    def _tables(self) -> set[str]:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table'"
        return {str(row["name"]) for row in self._run([Statement(sql)])[0]}

    def _is_parent(self, table: str, others: Iterable[str]) -> bool:
        """Whether one of the other tables refers to it: it can't be dropped before that one."""
        sql = 'SELECT 1 AS n FROM pragma_foreign_key_list(?) WHERE lower("table") = lower(?)'
        asked = [Statement(sql, (other, table)) for other in others]
        return any(self._run(asked)) if asked else False

    def _columns(self, table: str) -> set[str]:
        sql = "SELECT name FROM pragma_table_info(?)"
        return {str(row["name"]) for row in self._run([Statement(sql, (table,))])[0]}

    def _run(self, statements: list[Statement]) -> list[list[Mapping[str, Any]]]:
        """Run a batch that may be run twice, again while the API gives no answer."""
        return [list(rows) for rows in retry_unavailable(self._database.batch, statements)]
