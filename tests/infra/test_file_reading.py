"""What a whole migration file does, read from its statements in order."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from infra.migrations.d1 import Statement
from infra.migrations.file_reading import FileReading
from infra.migrations.schema import read_tables
from infra.migrations.scratch import ScratchDatabase


@dataclass(frozen=True)
class Read:
    """What is expected of a file; names that aren't given are none."""

    made: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    tables: dict[str, str] = field(default_factory=dict)
    columns: dict[tuple[str, str], str] = field(default_factory=dict)
    updated: set[tuple[str, str]] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    added: set[tuple[str, str]] = field(default_factory=set)
    is_harmless: bool = False


FILES: dict[str, Read] = {
    "CREATE TABLE a (id);CREATE INDEX i ON a (id);PRAGMA x;SELECT 1;": Read(
        made={"a"}, is_harmless=True
    ),
    "CREATE VIEW v AS SELECT 1;DROP VIEW v;DROP INDEX I;": Read(
        dropped={"v", "i"}, is_harmless=True
    ),
    "ALTER TABLE A ADD COLUMN B TEXT;": Read(added={("a", "b")}, is_harmless=True),
    "DROP TABLE a;": Read(gone={"a"}),
    "CREATE TABLE a (id);DROP TABLE a;": Read(made={"a"}),
    "DROP TABLE a;CREATE TABLE a (id);": Read(made={"a"}),
    "ALTER TABLE a RENAME TO b;": Read(tables={"a": "b"}),
    "ALTER TABLE a RENAME TO b;ALTER TABLE b RENAME TO c;": Read(tables={"a": "c"}),
    "ALTER TABLE a RENAME TO b;DROP TABLE b;": Read(gone={"a"}),
    "CREATE TABLE n (id);INSERT INTO n SELECT 1;DROP TABLE a;ALTER TABLE n RENAME TO a;": Read(
        made={"n", "a"}
    ),
    "ALTER TABLE a RENAME TO old;CREATE TABLE a (id);DROP TABLE old;": Read(made={"a"}),
    "ALTER TABLE a RENAME COLUMN b TO c;": Read(columns={("a", "b"): "c"}),
    "ALTER TABLE a RENAME TO z;ALTER TABLE z RENAME COLUMN b TO c;": Read(
        tables={"a": "z"}, columns={("a", "b"): "c"}
    ),
    "CREATE TABLE n (b);ALTER TABLE n RENAME COLUMN b TO c;": Read(made={"n"}),
    "UPDATE a SET b = 1, c = 2;": Read(updated={("a", "b"), ("a", "c")}),
    "ALTER TABLE a RENAME TO z;UPDATE z SET b = 1 WHERE c = 2;": Read(
        tables={"a": "z"}, updated={("a", "b")}
    ),
    "INSERT INTO a VALUES (1);": Read(),
    "DELETE FROM a;": Read(),
    "ALTER TABLE a DROP COLUMN b;": Read(),
}


@pytest.mark.parametrize(("text", "expected"), FILES.items())
def test_a_file_is_read_in_the_order_of_its_statements(text: str, expected: Read) -> None:
    reading = FileReading.of(f"{part};" for part in text.split(";") if part)
    changes = reading.changes
    assert (
        Read(
            made=set(reading.made),
            gone=set(reading.gone),
            tables=dict(changes.tables),
            columns=dict(changes.columns),
            updated=set(changes.updated),
            dropped=set(changes.dropped),
            added=set(reading.added),
            is_harmless=reading.is_harmless,
        )
        == expected
    )


SCHEMA = (
    "CREATE TABLE top (id INTEGER PRIMARY KEY)",
    "CREATE TABLE middle (id INTEGER PRIMARY KEY, top INTEGER REFERENCES Top)",
    "CREATE TABLE leaf (id INTEGER PRIMARY KEY, middle INTEGER REFERENCES middle)",
    "CREATE TABLE apart (id INTEGER PRIMARY KEY)",
)
EVERY = {"top", "middle", "leaf", "apart"}


@pytest.mark.parametrize(
    ("sql", "triggered", "expected"),
    [
        ("INSERT INTO top VALUES (1);", set(), set()),
        ("INSERT INTO top VALUES (1);", {"top"}, EVERY),
        ("INSERT INTO top VALUES (1);", {"apart"}, set()),
        ("UPDATE leaf SET id = 2;", set(), {"leaf"}),
        ("UPDATE middle SET id = 2;", set(), {"middle", "leaf"}),
        ("DELETE FROM top;", set(), {"top", "middle", "leaf"}),
        ("DELETE FROM top;", {"leaf"}, EVERY),
        ("DELETE FROM top;", {"apart"}, {"top", "middle", "leaf"}),
        ("REPLACE INTO apart VALUES (1);", set(), {"apart"}),
        ("DROP TABLE apart;", set(), {"apart"}),
        ("ALTER TABLE apart DROP COLUMN id;", set(), {"apart"}),
        ("ALTER TABLE apart ADD COLUMN x;", {"apart"}, set()),
        ("CREATE TABLE more (id);", {"apart"}, set()),
        ("VACUUM;", set(), EVERY),
        ("CREATE TRIGGER t AFTER INSERT ON top BEGIN SELECT 1; END;", set(), set()),
        (
            "CREATE TRIGGER t AFTER INSERT ON top BEGIN SELECT 1; END;|INSERT INTO top VALUES (1);",
            set(),
            EVERY,
        ),
        ("DELETE FROM unknown;", set(), set()),
    ],
)
def test_the_tables_that_a_file_may_change_are_found_with_their_children(
    sql: str, triggered: set[str], expected: set[str]
) -> None:
    with ScratchDatabase() as database:
        database.batch([Statement(text) for text in SCHEMA])
        tables = read_tables(database)
    assert FileReading.of(sql.split("|")).touched(tables, triggered) == expected
