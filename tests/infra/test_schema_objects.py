"""What a database's catalogue says, read as names and as statements; on SQLite in this process."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import pytest

from infra.migrations.d1 import Row, Statement
from infra.migrations.schema import (
    Column,
    ForeignKey,
    SchemaObject,
    is_internal,
    is_reserved,
    plain_sql,
    quoted,
    read_objects,
    read_tables,
    text_literal,
    value_literal,
)
from infra.migrations.scratch import ScratchDatabase


class Database:
    """A database of this process, made by statements."""

    def __init__(self, *statements: str) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.connection.row_factory = sqlite3.Row
        for statement in statements:
            self.connection.execute(statement)

    def batch(self, statements: Sequence[Statement]) -> list[list[Row]]:
        return [
            [dict(row) for row in self.connection.execute(one.sql, one.params)]
            for one in statements
        ]


def test_objects_are_read_in_the_order_of_making_without_what_others_keep() -> None:
    database = Database(
        "CREATE TABLE b (id INTEGER PRIMARY KEY, text TEXT UNIQUE)",
        "CREATE TABLE d1_migrations (id INTEGER)",
        "CREATE TABLE _cf_KV (id INTEGER)",
        "CREATE VIRTUAL TABLE words USING fts5(text)",
        "CREATE INDEX A_Index ON b (text)",
        "CREATE INDEX of_ledger ON d1_migrations (id)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TABLE xcf_a (id INTEGER)",
    )
    found = read_objects(database)
    assert [(one.kind, one.name, one.table) for one in found] == [
        ("table", "b", "b"),
        ("table", "words", "words"),
        ("index", "A_Index", "b"),
        ("view", "v", "v"),
        ("table", "xcf_a", "xcf_a"),
    ]
    assert [one.name for one in found if one.is_virtual] == ["words"]
    assert found[2].key == "a_index"
    with_ledger = [one.name for one in read_objects(database, with_ledger=True)]
    assert with_ledger == ["b", "d1_migrations", "words", "A_Index", "of_ledger", "v", "xcf_a"]


@pytest.mark.parametrize(
    ("kind", "sql", "is_virtual"),
    [
        ("table", "create  virtual\ntable t USING fts5(a)", True),
        ("table", "CREATE TABLE t (a)", False),
        ("table", "CREATE VIRTUAL TABLES", False),
        ("trigger", "CREATE VIRTUAL TABLE t USING fts5(a)", False),
        ("index", "CREATE VIRTUAL TABLE t USING fts5(a)", False),
    ],
)
def test_a_table_of_a_module_is_virtual(kind: str, sql: str, is_virtual: bool) -> None:
    assert SchemaObject(kind, "t", "t", sql).is_virtual is is_virtual


@pytest.mark.parametrize(
    ("name", "reserved", "internal"),
    [
        ("sqlite_sequence", True, True),
        ("SQLITE_x", True, True),
        ("_cf_KV", True, True),
        ("xcf_KV", False, False),
        ("sqlitex", False, False),
        ("d1_migrations_lease", False, True),
        ("D1_Migrations", False, True),
        ("d1_other", False, False),
    ],
)
def test_names_of_others_are_known_by_their_beginning(
    name: str, reserved: bool, internal: bool
) -> None:
    assert (is_reserved(name), is_internal(name)) == (reserved, internal)


@pytest.mark.parametrize(
    ("sql", "plain"),
    [
        ("CREATE  TABLE\n\tT ( a  TEXT )", "create table t(a text)"),
        ('CREATE TABLE "T" (`a` TEXT, [b] INT)', "create table t(a text,b int)"),
        ('"A ""quoted"" name"', 'a ""quoted"" name'),
        ("a -- said\n= 'It''s  A' /* or\nnot */ ;", "a='It''s  A';"),
        ("CHECK (a <> 'X -- y')", "check(a<>'X -- y')"),
    ],
)
def test_layout_comments_and_quotes_mean_nothing(sql: str, plain: str) -> None:
    assert plain_sql(sql) == plain
    assert SchemaObject("table", "t", "t", sql).plain == plain


@pytest.mark.parametrize("value", ["it's", "a\x00b", "", None, 7, 1.5, b"\x00'\xff", -(2**63)])
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    column = 'a "column'
    database = Database(f"CREATE TABLE t ({quoted(column)})").connection
    database.execute("INSERT INTO t VALUES (?)", (value,))
    select = f"SELECT {value_literal(column)} FROM t"  # noqa: S608  a constant
    (literal,) = database.execute(select).fetchone()
    (found,) = database.execute(f"SELECT {literal}").fetchone()
    assert (found, type(found)) == (value, type(value))


def test_text_is_a_literal_whatever_is_in_it() -> None:
    literal = text_literal("it's")
    (found,) = Database().connection.execute(f"SELECT {literal}").fetchone()
    assert found == "it's"


def column(name: str, type_: str = "", **known: Any) -> Column:
    others = {"not_null": False, "default": None, "key": 0, "hidden": 0}
    return Column(name, type_, **{**others, **known})


def test_a_table_is_read_with_everything_that_it_is() -> None:
    with ScratchDatabase() as database:
        database.batch(
            [
                Statement(
                    "CREATE TABLE Parent (a TEXT, b INTEGER DEFAULT 7, PRIMARY KEY (b, a)) "
                    "WITHOUT ROWID"
                ),
                Statement(
                    "CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT NOT NULL "
                    "UNIQUE, y INTEGER, Twice INTEGER AS (y * 2) STORED, half AS (y / 2), "
                    "FOREIGN KEY (x, y) REFERENCES Parent (a, b) ON DELETE SET NULL, "
                    "FOREIGN KEY (y) REFERENCES child)"
                ),
                Statement("CREATE UNIQUE INDEX one ON child (Y, x)"),
                Statement("CREATE UNIQUE INDEX partly ON child (y) WHERE y > 0"),
                Statement("CREATE UNIQUE INDEX lower ON child (lower(x))"),
                Statement("CREATE INDEX many ON child (y)"),
                Statement("CREATE TABLE hides (rowid TEXT, _ROWID_ TEXT, oid TEXT)"),
                Statement("CREATE TABLE most (rowid TEXT, _rowid_ TEXT)"),
                Statement("CREATE VIRTUAL TABLE found USING fts5(body)"),
            ]
        )
        tables = read_tables(database)
    assert list(tables) == ["parent", "child", "hides", "most", "found"]
    parent, child = tables["parent"], tables["child"]
    assert parent.columns == (
        column("a", "TEXT", key=2, not_null=True),
        column("b", "INTEGER", key=1, not_null=True, default="7"),
    )
    assert parent.primary_key == ("b", "a")
    assert parent.unique == {("b", "a")}
    assert (parent.has_rowid, parent.rowid, parent.counts_up) == (False, None, False)
    assert child.columns == (
        column("id", "INTEGER", key=1),
        column("x", "TEXT", not_null=True),
        column("y", "INTEGER"),
        column("Twice", "INTEGER", hidden=3),
        column("half", hidden=2),
    )
    assert [one.name for one in child.stored] == ["id", "x", "y"]
    assert set(child.foreign_keys) == {
        ForeignKey(("x", "y"), "parent", ("a", "b"), "SET NULL"),
        ForeignKey(("y",), "child", (), "NO ACTION"),
    }
    assert child.unique == {("x",), ("y", "x")}
    assert (child.primary_key, child.rowid, child.counts_up) == (("id",), "_rowid_", True)
    assert [tables[name].rowid for name in ("hides", "most", "found")] == [None, "oid", "_rowid_"]
    virtual = {name: table.is_virtual for name, table in tables.items()}
    assert virtual == {**dict.fromkeys(tables, False), "found": True}
