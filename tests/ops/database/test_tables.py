"""In which order tables are made, and how all of them are removed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from infra.migrations.d1 import Row, Statement
from infra.migrations.schema import read_tables
from infra.migrations.scratch import ScratchDatabase
from ops.database import table_sum
from ops.database.table_sum import count_rows, literal_rows, sums
from ops.database.tables import by_reference, clearing, table_names


def filled(*statements: str) -> ScratchDatabase:
    database = ScratchDatabase()
    database.batch([Statement("PRAGMA defer_foreign_keys=TRUE"), *map(Statement, statements)])
    return database


def circle(action: str, null: str = "") -> ScratchDatabase:
    """Two tables that refer to each other, and one that refers to itself and to the first."""
    return filled(
        f"CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER {null} REFERENCES b (id) {action})",
        f"CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER {null} REFERENCES a (id) {action})",
        "CREATE TABLE c (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id) ON DELETE RESTRICT, "
        "c INTEGER REFERENCES c (id))",
        "INSERT INTO a VALUES (1, 1)",
        "INSERT INTO b VALUES (1, 1)",
        "INSERT INTO c VALUES (1, 1, 1)",
    )


def test_a_table_comes_after_those_that_it_refers_to() -> None:
    database = filled(
        "CREATE TABLE z (id INTEGER PRIMARY KEY, y INTEGER REFERENCES Y (id))",
        "CREATE TABLE x (id INTEGER PRIMARY KEY, x INTEGER REFERENCES x (id))",
        "CREATE TABLE y (id INTEGER PRIMARY KEY, x INTEGER REFERENCES x (id))",
    )
    assert [one.name for one in by_reference(read_tables(database))] == ["x", "y", "z"]
    assert table_names(database) == ["x", "y", "z"]
    # A circle is broken at the table that was made first.
    names = [one.name for one in by_reference(read_tables(circle("")))]
    assert names == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("action", "unbound"),
    [
        ("ON DELETE RESTRICT", ['UPDATE "a" SET "b" = NULL']),
        ("ON DELETE NO ACTION", []),
        ("ON DELETE CASCADE", []),
        ("ON DELETE SET NULL", []),
        ("", []),
    ],
)
def test_references_of_a_circle_go_before_its_tables(action: str, unbound: list[str]) -> None:
    with circle(action) as database:
        statements = clearing(database)
        assert statements == [
            "PRAGMA defer_foreign_keys=TRUE",
            *unbound,
            'DROP TABLE "c"',
            'DROP TABLE "b"',
            'DROP TABLE "a"',
        ]
        database.batch([Statement(sql) for sql in statements])
        assert table_names(database) == []


def test_a_reference_that_may_not_be_null_is_left_to_the_database() -> None:
    with circle("ON DELETE RESTRICT", "NOT NULL") as database:
        assert not any(sql.startswith("UPDATE") for sql in clearing(database))


def test_triggers_go_first_and_views_before_tables() -> None:
    database = filled(
        "CREATE TABLE t (a TEXT)",
        "CREATE VIEW v AS SELECT a FROM t",
        "CREATE VIEW w AS SELECT a FROM v",
        "CREATE TRIGGER r AFTER DELETE ON t BEGIN SELECT 1; END",
        "CREATE INDEX i ON t (a)",
    )
    assert clearing(database) == [
        "PRAGMA defer_foreign_keys=TRUE",
        'DROP TRIGGER "r"',
        'DROP VIEW "w"',
        'DROP VIEW "v"',
        'DROP TABLE "t"',
    ]


@pytest.mark.parametrize(
    "definition",
    [
        "(id INTEGER PRIMARY KEY, v TEXT)",
        "(v TEXT)",
        "(k TEXT, v TEXT, PRIMARY KEY (k, v)) WITHOUT ROWID",
        # Its three names of the rowid are columns of its own: nothing pages it by a key.
        "(rowid TEXT, oid TEXT, _rowid_ TEXT)",
    ],
)
def test_every_page_of_a_table_is_read_once(
    monkeypatch: pytest.MonkeyPatch, definition: str
) -> None:
    monkeypatch.setattr(table_sum, "_MAX_PAGE_ROWS", 2)
    database = filled(f"CREATE TABLE t {definition}")
    (table,) = read_tables(database).values()
    for count in range(6):
        if count:
            names = ", ".join(f'"{one.name}"' for one in table.stored)
            values = ", ".join([f"'{9 - count}'", "'v'", "NULL"][: len(table.stored)])
            sql = f"INSERT INTO t ({names}) VALUES ({values})"  # noqa: S608  the test's own
            database.batch([Statement(sql)])
        found = list(literal_rows(database, table))
        wanted = [(str(at), "v", "NULL")[: len(table.stored)] for at in range(8, 8 - count, -1)]
        plain = [tuple(value.strip("'") for value in row) for row in found]
        assert sorted(plain) == sorted(wanted)
        assert count_rows(database) == {"t": count}


def test_rows_are_counted_aloud_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_sum, "_MAX_PAGE_ROWS", 2)
    database = filled(
        "CREATE TABLE t (a TEXT)",
        "CREATE TABLE u (a TEXT)",
        "INSERT INTO t VALUES ('1'), ('2'), ('3')",
        "INSERT INTO u VALUES ('4'), ('5')",
    )
    told: list[str] = []
    found = sums(database, told.append)
    assert told == ["compared 2 of 5 rows", "compared 4 of 5 rows"]
    assert {name: one.rows for name, one in found.items()} == {"t": 3, "u": 2}
    assert sums(database) == found


@pytest.mark.parametrize(("longest", "rows"), [(1, 250), (5, 50), (250, 1), (1000, 1)])
def test_a_page_is_as_long_as_its_longest_row_lets_it(
    monkeypatch: pytest.MonkeyPatch, longest: int, rows: int
) -> None:
    monkeypatch.setattr(table_sum, "_PAGE_BYTES", 1000)
    database = filled(
        "CREATE TABLE t (a TEXT NOT NULL, b TEXT)",
        f"INSERT INTO t VALUES ('{'x' * longest}', '')",  # noqa: S608  the test's own
    )
    seen: list[str] = []
    (table,) = read_tables(database).values()

    class Seeing:
        def batch(self, statements: Sequence[Statement]) -> list[list[Row]]:
            seen.extend(one.sql for one in statements)
            return database.batch(statements)

    assert len(list(literal_rows(Seeing(), table))) == 1
    assert f" LIMIT {rows}" in seen[-1]
