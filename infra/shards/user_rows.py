"""The SQL by which a table's rows of some recipients are read, copied, compared and deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infra.migrations.d1 import Row, Statement
from infra.migrations.errors import D1Unavailable
from infra.migrations.schema import EARLIER_PREFIX, Queries, Table, quoted, read_tables
from infra.retries import retrying

patiently = retrying(D1Unavailable, attempts=50, first_wait=1.0, longest_wait=8.0)
"""Repeats a call for six minutes, while recipients wait for the move to end. Cloudflare's API takes
1,200 calls in five minutes and then none for five (its docs, "Rate limits").
"""
USERS_PAGE = 500
"""Recipients that one statement names; their ids have at most 100 characters."""
_ROWS_PAGE = 500
_PAGE_BYTES = 400_000
"""Of a page's values, if it has more than one row: as JSON they stay below D1's 2 MB for a value.
"""
_OF_USERS = '"user_id" IN (SELECT value FROM json_each(?1))'


def asked(database: Queries, sql: str, *params: str) -> list[Row]:
    """Return the rows of one statement, asked for patiently."""
    rows, *_ = patiently(database.batch, [Statement(sql, params)])
    return rows


@dataclass(frozen=True)
class UserRows:
    """One table with a column `user_id`, all of whose columns are copied, ids included.

    Attributes:
        name: the table's.
        columns: all that hold values.
        key: columns that tell a recipient's rows apart, `user_id` first.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @classmethod
    def of_database(cls, database: Queries) -> tuple[UserRows, ...]:
        """Return every table that has recipients' rows, by name."""
        tables = patiently(read_tables, database)
        found = [
            cls._of_table(table)
            for table in tables.values()
            if any(column.name == "user_id" for column in table.stored)
            and not table.name.startswith(EARLIER_PREFIX)
        ]
        return tuple(sorted(found, key=lambda rows: rows.name))

    @classmethod
    def _of_table(cls, table: Table) -> UserRows:
        names = tuple(column.name for column in table.stored)
        return cls(
            table.name, names, ("user_id", *(n for n in table.primary_key if n != "user_id"))
        )

    def users(self, database: Queries) -> Iterator[list[str]]:
        """Yield the recipients that have rows, in pages; the empty id names no recipient."""
        after = ""
        while True:
            rows = asked(
                database,
                f'SELECT DISTINCT "user_id" AS id FROM {quoted(self.name)} '  # noqa: S608  the schema's names
                f'WHERE "user_id" > ?1 ORDER BY 1 LIMIT {USERS_PAGE}',
                after,
            )
            if not rows:
                return
            found = [str(row["id"]) for row in rows]
            after = found[-1]
            yield found

    def first_page(self, database: Queries, users: Sequence[str]) -> list[Row]:
        """Return the recipients' first rows by key: at least one, if there is any."""
        order = ", ".join(map(quoted, self.key))
        size = " + ".join(
            f"COALESCE(length(CAST({quoted(name)} AS BLOB)), 0)" for name in self.columns
        )
        sql = (
            f"SELECT {self._names} FROM (SELECT *, SUM(page_bytes) OVER "  # noqa: S608  the schema's names
            f"(ORDER BY {order} ROWS UNBOUNDED PRECEDING) - page_bytes AS page_before FROM "
            f"(SELECT *, {size} AS page_bytes FROM {quoted(self.name)} WHERE {_OF_USERS} "
            f"ORDER BY {order} LIMIT {_ROWS_PAGE})) WHERE page_before < {_PAGE_BYTES} "
            f"ORDER BY {order}"
        )
        return asked(database, sql, json.dumps(users))

    def same_rows(self, database: Queries, page: Sequence[Row]) -> list[Row]:
        """Return the rows that have the keys of a page's, in its order."""
        order = ", ".join(map(quoted, self.key))
        sql = (
            f"SELECT {self._names} FROM {quoted(self.name)} WHERE {self._has_key} "  # noqa: S608  the schema's names
            f"ORDER BY {order}"
        )
        return asked(database, sql, self._keys(page))

    def insert(self, database: Queries, page: Sequence[Row]) -> None:
        """Write rows; those that are there already stay."""
        plain = [row for row in page if not _needs_parameters(row)]
        statements = [self._insert_one(row) for row in page if _needs_parameters(row)]
        if plain:
            rows = [[row[name] for name in self.columns] for row in plain]
            values = json.dumps(rows, ensure_ascii=False)
            cells = ", ".join(f"json_extract(value, '$[{at}]')" for at in range(len(self.columns)))
            statements.append(
                Statement(
                    f"{self._into} SELECT {cells} FROM json_each(?1) WHERE true "  # noqa: S608  the schema's names
                    "ON CONFLICT DO NOTHING",
                    (values,),
                )
            )
        patiently(database.batch, statements)

    def _insert_one(self, row: Row) -> Statement:
        values = [row[name] for name in self.columns]
        cells = ", ".join(map(_cell, values))
        texts = tuple(value for value in values if isinstance(value, str))
        return Statement(f"{self._into} VALUES ({cells}) ON CONFLICT DO NOTHING", texts)

    @property
    def _into(self) -> str:
        return f"INSERT INTO {quoted(self.name)} ({', '.join(map(quoted, self.columns))})"

    def delete(self, database: Queries, page: Sequence[Row]) -> None:
        """Delete the rows that have the keys of a page's."""
        sql = f"DELETE FROM {quoted(self.name)} WHERE {self._has_key}"  # noqa: S608  the schema's names
        patiently(database.batch, [Statement(sql, (self._keys(page),))])

    @property
    def _names(self) -> str:
        return ", ".join(map(quoted, self.columns))

    @property
    def _has_key(self) -> str:
        names = ", ".join(map(quoted, self.key))
        cells = ", ".join(f"json_extract(value, '$[{at}]')" for at in range(len(self.key)))
        return f"({names}) IN (SELECT {cells} FROM json_each(?1))"  # noqa: S608  the schema's names

    def _keys(self, page: Sequence[Row]) -> str:
        return json.dumps([[row[name] for name in self.key] for row in page])


def _needs_parameters(row: Row) -> bool:
    """Whether a row can't travel within one JSON text: it is large, or SQLite would cut it."""
    texts = [value for value in row.values() if isinstance(value, str)]
    size = sum(len(text.encode()) for text in texts)
    return size > _PAGE_BYTES or any("\0" in text for text in texts)


def _cell(value: object) -> str:
    """Return what stands for a value: the API takes texts alone as parameters."""
    if value is None:
        return "NULL"
    return "?" if isinstance(value, str) else str(value)
