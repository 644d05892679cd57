"""Made-up rows fill every table, use every reference, and have the values that break things."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.migrations import sample_rows as sample_rows_module
from infra.migrations.d1 import Statement
from infra.migrations.files import MigrationSet
from infra.migrations.lint import DEFER
from infra.migrations.sample_rows import ROWS, sample_rows, without_triggers
from infra.migrations.schema import quoted, read_objects, read_tables
from infra.migrations.scratch import ScratchDatabase

PROJECT = Path(__file__).parents[2]
TABLES = [
    "CREATE TABLE parents (code TEXT PRIMARY KEY, note TEXT)",
    (
        "CREATE TABLE children (id INTEGER PRIMARY KEY, code TEXT REFERENCES Parents (code),"
        " elder INTEGER REFERENCES children (id), size INTEGER, share REAL, raw BLOB, body TEXT)"
    ),
]


@pytest.fixture
def database() -> Iterator[ScratchDatabase]:
    with ScratchDatabase() as made:
        yield made


def filled(database: ScratchDatabase) -> list[str]:
    """Fill the database; the tables that no row could be made for."""
    statements, without = sample_rows(database)
    database.batch([DEFER, *without_triggers(read_objects(database), statements)])
    return without


def values(database: ScratchDatabase, table: str, column: str) -> set[object]:
    query = f"SELECT {quoted(column)} AS found FROM {quoted(table)}"  # noqa: S608
    return {row["found"] for row in database.batch([Statement(query)])[0]}


def test_every_table_of_the_project_has_rows_and_every_reference_is_used(
    database: ScratchDatabase,
) -> None:
    for migration in MigrationSet.read(PROJECT / "sql" / "migrations"):
        database.batch([Statement(sql) for sql in migration.statements])

    assert filled(database) == []

    tables = read_tables(database)
    assert len(tables) > 8
    used = 0
    for table in tables.values():
        assert values(database, table.name, table.stored[0].name), table.name
        for key in table.foreign_keys:
            assert values(database, table.name, key.columns[0]) - {None}, (table.name, key)
            used += 1
    assert used > 0
    assert database.batch([Statement("PRAGMA foreign_key_check")]) == [[]]


def test_values_have_quotes_nuls_emoji_and_the_edges_of_numbers(
    database: ScratchDatabase,
) -> None:
    database.batch([Statement(sql) for sql in TABLES])

    assert filled(database) == []

    assert len(values(database, "children", "id")) == ROWS
    assert values(database, "children", "elder") <= values(database, "children", "id") | {None}
    texts = {
        str(value)
        for table, column in (("parents", "note"), ("children", "body"))
        for value in values(database, table, column)
        if isinstance(value, str)
    }
    # A table has few rows: which of the odd values it gets depends on its columns alone.
    odd = ("'", '"', "--", "\N{GRINNING FACE}", "\x00", "\n")
    assert sum(any(mark in text for text in texts) for mark in odd) >= 4, texts
    numbers = values(database, "children", "size") | values(database, "children", "share")
    assert numbers & {2**63 - 1, -(2**63), -1, 0.1, 1.0e308}
    with ScratchDatabase() as again:
        again.batch([Statement(sql) for sql in TABLES])
        filled(again)
        everything = Statement("SELECT * FROM children ORDER BY id")
        assert again.batch([everything]) == database.batch([everything])


def column(type_: str, *, key: int = 0, not_null: bool = False, default: str | None = None) -> Any:
    return SimpleNamespace(type=type_, key=key, not_null=not_null, default=default)


def drawn(found: Any, *literals: str, plain: bool, made: int = 7) -> Counter[str]:
    chance = random.Random(1)  # noqa: S311
    return Counter(
        sample_rows_module._value(found, literals, chance, made=made, plain=plain)
        for _ in range(2_000)
    )


@pytest.mark.parametrize(
    ("found", "plain", "expected"),
    [
        (column("INTEGER", key=1), True, "8"),
        (column("INTEGER", key=1), False, "8"),
        (column("INTEGER", key=2), True, "7"),
        (column("REAL", key=1), True, "7"),
        (column("TEXT", key=1), True, "'k7'"),
    ],
)
def test_keys_are_numbered_so_that_no_two_are_the_same(
    found: Any, plain: bool, expected: str
) -> None:
    assert set(drawn(found, plain=plain)) == {expected}


def test_new_rows_refer_to_those_that_are_there_and_a_table_with_rows_gets_none(
    database: ScratchDatabase,
) -> None:
    database.batch([Statement(sql) for sql in TABLES])
    database.batch([Statement("INSERT INTO parents VALUES ('there''s', NULL)")])
    database.batch(
        [
            Statement(
                "CREATE TABLE toys (id INTEGER PRIMARY KEY, code TEXT NOT NULL"
                " REFERENCES parents (code))"
            )
        ]
    )

    assert filled(database) == []

    assert values(database, "parents", "code") == {"there's"}
    assert values(database, "toys", "code") == {"there's"}
    assert values(database, "children", "code") - {None} == {"there's"}
    assert database.batch([Statement("PRAGMA foreign_key_check")]) == [[]]


def test_plain_values_are_few_and_odd_ones_many() -> None:
    plain = drawn(column("TEXT"), plain=True)
    assert set(plain) == set(sample_rows_module._PLAIN[:3])
    odd = drawn(column("TEXT"), plain=False)
    assert "'a'" not in odd
    assert sum(re.fullmatch(r"'v\d+'", value) is not None for value in odd) > 50
    assert set(sample_rows_module._ODD_TEXT) <= set(odd)
    assert set(sample_rows_module._ODD_NUMBERS) <= set(drawn(column("INTEGER"), plain=False))
    assert set(sample_rows_module._ODD_BYTES) <= set(drawn(column("BLOB"), plain=False))


def test_no_value_is_null_where_none_may_be() -> None:
    for plain in (True, False):
        assert "NULL" not in drawn(column("TEXT", not_null=True), "NULL", plain=plain)
    assert "NULL" in drawn(column("TEXT"), "NULL", plain=False)


def test_defaults_and_literals_of_the_schema_are_used_often() -> None:
    defaults = drawn(column("TEXT", default="'d'"), plain=True)
    assert 1_500 < defaults["('d')"] < 1_700
    assert "('d')" not in drawn(column("TEXT", default="'d'"), plain=False)
    literals = drawn(column("TEXT"), "'literal'", plain=True)
    assert 700 < literals["'literal'"] < 900


GIVEN = [
    """CREATE TABLE makers (
      code TEXT, region TEXT DEFAULT 'eu', size INTEGER NOT NULL, note TEXT,
      PRIMARY KEY (region, code), CHECK (size BETWEEN 10 AND 30 OR size < 0)
    ) WITHOUT ROWID""",
    """CREATE TABLE parts (
      id INTEGER PRIMARY KEY, maker TEXT, region TEXT, whole INTEGER REFERENCES parts (id),
      label TEXT NOT NULL CONSTRAINT long_label CHECK (length(label) > 4),
      raw BLOB, kind TEXT CHECK (kind IN ('bolt', 'nut')), _rowid_ TEXT,
      FOREIGN KEY (region, maker) REFERENCES Makers (region, code)
    )""",
    "CREATE TABLE words (word TEXT UNIQUE, of INTEGER REFERENCES parts)",
    "CREATE TABLE never (n INTEGER NOT NULL CHECK (n > 1 AND n < 1))",
]
MADE = [
    "makers 'k0', 'k0', 10, '1'",
    "makers 'k1', 'k1', -9223372036854775808, 'it''s \"quoted\"; -- not a comment'",
    "makers 'k2', 'k2', -9223372036854775808, '😀 ünïcode'",
    "makers 'k3', 'k3', -1, CAST(X'610062' AS TEXT)",
    "parts 1, 'k0', 'k0', 1, 'it''s \"quoted\"; -- not a comment', 4, 'nut', CAST(X'610062' AS TEXT)",  # noqa: E501
    "parts 2, 'k1', 'k1', 2, 'it''s \"quoted\"; -- not a comment', 'it''s \"quoted\"; -- not a comment', NULL, CAST(X'610062' AS TEXT)",  # noqa: E501
    "parts 3, 'k2', 'k2', 3, '😀 ünïcode', '😀 ünïcode', NULL, ''",
    "parts 4, 'k3', 'k3', 4, 'Line one\nline two', CAST(X'610062' AS TEXT), NULL, 'Line one\nline two'",  # noqa: E501
    "words '0', 1",
    "words '😀 ünïcode', 4",
    "words 'it''s \"quoted\"; -- not a comment', 3",
    "words NULL, 2",
]
"""What is made up for them. A change of these rows is seen here, and looked at: each is to have odd
values wherever its table takes them, and references to different rows."""


REFERRED = [
    "CREATE TABLE tags (id INTEGER PRIMARY KEY, tag TEXT UNIQUE, body TEXT)",
    "CREATE TABLE uses (id INTEGER PRIMARY KEY, tag TEXT REFERENCES Tags (TAG), tag_again TEXT)",
    (
        "CREATE TABLE lost (id INTEGER PRIMARY KEY, x INTEGER REFERENCES nowhere, y "
        "INTEGER, z INTEGER, FOREIGN KEY (y, z) REFERENCES tags)"
    ),
    (
        "CREATE TABLE told (id INTEGER PRIMARY KEY, tag TEXT NOT NULL REFERENCES tags "
        "(tag), body TEXT DEFAULT 'd')"
    ),
]
MADE_REFERRED = [
    "tags 1, '1', NULL",
    "tags 2, 'a', 'it''s \"quoted\"; -- not a comment'",
    "tags 3, '', '0'",
    "tags 4, X'41', '😀 ünïcode'",
    "uses 1, '', '0'",
    "uses 2, '1', NULL",
    "uses 3, 'a', 'it''s \"quoted\"; -- not a comment'",
    "uses 4, X'41', '😀 ünïcode'",
    "lost 1, 'a', 0, 1",
    "lost 2, 'a', 'a', 1",
    "lost 3, 'a', 'a', 0",
    "lost 4, 1, 0, 'a'",
    "told 1, '', 'd'",
    "told 2, '1', NULL",
    "told 3, 'a', 'it''s \"quoted\"; -- not a comment'",
    "told 4, X'41', '😀 ünïcode'",
]
"""What others refer to has plain values, whichever columns they are."""


@pytest.mark.parametrize(
    ("given", "expected", "unfilled"), [(GIVEN, MADE, ["never"]), (REFERRED, MADE_REFERRED, [])]
)
def test_the_same_schema_gets_the_same_rows(
    database: ScratchDatabase, given: list[str], expected: list[str], unfilled: list[str]
) -> None:
    database.batch([Statement(sql) for sql in given])
    statements, without = sample_rows(database)
    form = re.compile(r'INSERT INTO "(\w+)" .*? VALUES \((.*)\)', re.DOTALL)
    made = [form.fullmatch(one.sql) for one in statements]
    assert [f"{row[1]} {row[2]}" for row in made if row] == expected
    assert without == unfilled
