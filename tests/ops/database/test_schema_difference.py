"""From one schema to another."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from infra.migrations.statements import split_statements
from ops.database.schema_difference import SchemaDifference
from ops.stacks.errors import UsageError

SCHEMA = Path(__file__).resolve().parents[3] / "sql" / "schema.sql"
BEFORE = [
    "CREATE TABLE people (\n  id INTEGER PRIMARY KEY,\n  name TEXT NOT NULL CHECK (name <> '')\n)",
    "CREATE INDEX by_name ON people (name)",
]


def applied(before: list[str], after: list[str], rows: str = "") -> sqlite3.Connection:
    """A database of the old schema with rows, after the difference."""
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA foreign_keys=ON")
    database.executescript(";".join([*before, rows]) + ";")
    with database:
        for statement in SchemaDifference.between(before, after).statements:
            database.execute(statement)
    return database


def shape(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """Names and plain SQL of everything in a database."""
    rows = database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return sorted((name, "".join(sql.replace('"', "").split())) for name, sql in rows)


def test_the_same_schema_in_another_layout_makes_no_difference() -> None:
    other = [statement.replace("\n", " ") + " -- said otherwise" for statement in BEFORE]
    assert SchemaDifference.between(BEFORE, other) == SchemaDifference((), ())


def test_a_column_at_the_end_is_added_in_place() -> None:
    after = [BEFORE[0].replace("\n)", ",\n  age INTEGER DEFAULT 0 CHECK (age >= 0)\n)"), BEFORE[1]]
    found = SchemaDifference.between(BEFORE, after)
    assert found.statements == (
        'ALTER TABLE "people" ADD COLUMN age INTEGER DEFAULT 0 CHECK (age >= 0)',
    )
    assert applied(BEFORE, after, "INSERT INTO people VALUES (1, 'a')").execute(
        "SELECT * FROM people"
    ).fetchall() == [(1, "a", 0)]


def test_a_changed_constraint_rebuilds_the_table_with_its_rows_and_indexes() -> None:
    after = [BEFORE[0].replace("name <> ''", "length(name) < 9"), BEFORE[1]]
    database = applied(BEFORE, after, "INSERT INTO people VALUES (1, 'a'), (2, 'b')")
    assert database.execute("SELECT * FROM people ORDER BY id").fetchall() == [(1, "a"), (2, "b")]
    assert shape(database) == shape(applied(after, after))


def test_tables_and_indexes_come_and_go() -> None:
    after = ["CREATE TABLE pets (id INTEGER PRIMARY KEY)", BEFORE[0]]
    assert shape(applied(BEFORE, after)) == shape(applied(after, after))
    assert SchemaDifference.between(after, BEFORE).loses_data == ("pets",)


def test_a_dropped_column_is_named_as_lost() -> None:
    after = ["CREATE TABLE people (id INTEGER PRIMARY KEY)"]
    assert SchemaDifference.between(BEFORE, after).loses_data == ("people.name",)
    assert shape(applied(BEFORE, after)) == shape(applied(after, after))


def test_what_would_delete_rows_of_another_table_is_left_to_a_person() -> None:
    child = "CREATE TABLE pets (owner INTEGER REFERENCES people (id) ON DELETE CASCADE)"
    after = [BEFORE[0].replace("name <> ''", "length(name) < 9"), BEFORE[1], child]
    with pytest.raises(UsageError, match="pets refers to it"):
        SchemaDifference.between([*BEFORE, child], after)


def test_a_column_that_existing_rows_cannot_have_is_refused() -> None:
    after = ["CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INT NOT NULL)"]
    with pytest.raises(UsageError, match=r"people\.age is NOT NULL without a DEFAULT"):
        SchemaDifference.between(BEFORE, after)


def test_an_error_in_the_schema_is_told_with_its_place() -> None:
    with pytest.raises(UsageError, match="CREATE TABEL"):
        SchemaDifference.between(BEFORE, ["CREATE TABEL people (id)"])


def test_there_and_back_leads_to_the_service_s_own_schema() -> None:
    before = list(split_statements(SCHEMA.read_text(encoding="utf-8")))
    after = [*before, "CREATE TABLE extra (\n  id INTEGER PRIMARY KEY\n)"]
    after = [
        sql.replace("state TEXT NOT NULL DEFAULT '{}'", "state TEXT NOT NULL DEFAULT '[]'")
        for sql in after
    ]
    assert shape(applied(before, after)) == shape(applied(after, after))
    assert shape(applied(after, before)) == shape(applied(before, before))


VIEW = "CREATE VIEW names AS SELECT name FROM people"
INSTEAD = (
    "CREATE TRIGGER into_names INSTEAD OF INSERT ON names BEGIN "
    "INSERT INTO people (name) VALUES (NEW.name); END"
)
AFTER = (
    "CREATE TRIGGER told AFTER INSERT ON people BEGIN "
    "UPDATE people SET name = NEW.name WHERE id = NEW.id; END"
)
OBJECTS = {"view": [VIEW], "trigger": [AFTER], "view with a trigger": [VIEW, INSTEAD]}
REBUILT = [BEFORE[0].replace("name <> ''", "length(name) < 9"), BEFORE[1]]


@pytest.mark.parametrize("objects", OBJECTS.values(), ids=OBJECTS)
def test_views_and_triggers_come_and_go(objects: list[str]) -> None:
    there, back = [*BEFORE, *objects], BEFORE
    assert shape(applied(BEFORE, there)) == shape(applied(there, there))
    assert SchemaDifference.between(there, back).statements
    assert shape(applied(there, back)) == shape(applied(back, back))


def test_a_changed_view_is_made_anew_with_its_triggers() -> None:
    before = [*BEFORE, VIEW, INSTEAD]
    after = [*BEFORE, VIEW.replace("name FROM", "name, id FROM"), INSTEAD]
    assert shape(applied(before, after)) == shape(applied(after, after))
    changed = [*BEFORE, VIEW, INSTEAD.replace("(NEW.name)", "(upper(NEW.name))")]
    assert shape(applied(before, changed)) == shape(applied(changed, changed))


def test_a_table_that_views_and_triggers_name_is_rebuilt() -> None:
    before, after = [*BEFORE, VIEW, INSTEAD, AFTER], [*REBUILT, VIEW, INSTEAD, AFTER]
    database = applied(before, after, "INSERT INTO people VALUES (1, 'a'), (2, 'b')")
    assert shape(database) == shape(applied(after, after))
    database.execute("INSERT INTO names (name) VALUES ('c')")
    assert database.execute("SELECT name FROM names ORDER BY name").fetchall() == [
        ("a",),
        ("b",),
        ("c",),
    ]


def test_a_table_goes_that_a_view_had_named_before() -> None:
    before = [*BEFORE, "CREATE TABLE gone (id INTEGER)", "CREATE VIEW v AS SELECT id FROM gone"]
    assert shape(applied(before, BEFORE)) == shape(applied(BEFORE, BEFORE))


@pytest.mark.parametrize("rows", ["(1, 'a'), (9, 'b')", "(9, 'b')"])
def test_a_counter_of_ids_goes_on_after_a_rebuild(rows: str) -> None:
    before = ["CREATE TABLE n (\n  id INTEGER PRIMARY KEY AUTOINCREMENT,\n  name TEXT\n)"]
    after = [before[0].replace("name TEXT", "name TEXT CHECK (length(name) < 9)")]
    there = f"INSERT INTO n VALUES {rows}; DELETE FROM n WHERE id = 9"  # noqa: S608
    database = applied(before, after, there)
    database.execute("INSERT INTO n (name) VALUES ('c')")
    assert database.execute("SELECT max(id) FROM n").fetchone() == (10,)
    assert database.execute("SELECT name, seq FROM sqlite_sequence").fetchall() == [("n", 10)]


def test_names_that_a_pattern_would_take_for_the_databases_own_are_compared() -> None:
    after = [*BEFORE, "CREATE TABLE sqlitex (id INTEGER)", "CREATE TABLE pcf_rates (id INTEGER)"]
    assert SchemaDifference.between(BEFORE, after).statements == tuple(after[2:])


def test_what_a_full_text_table_keeps_for_itself_is_no_part_of_the_schema() -> None:
    after = [*BEFORE, "CREATE VIRTUAL TABLE found USING fts5(text)"]
    assert SchemaDifference.between(BEFORE, after).statements == (after[2],)
    assert SchemaDifference.between(after, BEFORE).statements == ('DROP TABLE "found"',)


@pytest.mark.parametrize("reference", ["people", "PEOPLE", '"people"', "[people]"])
@pytest.mark.parametrize("action", ["CASCADE", "SET NULL"])
def test_a_table_that_refers_to_itself_is_rebuilt_with_its_rows(
    reference: str, action: str
) -> None:
    table = (
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, "
        f"boss INTEGER REFERENCES {reference} (id) ON DELETE {action}, "
        "note TEXT DEFAULT 'it REFERENCES people (id)')"
    )
    rows = (
        "INSERT INTO people (id, name) VALUES (1, 'Ada'); "
        "INSERT INTO people (id, name, boss) VALUES (2, 'Bo', 1), (3, 'Cy', 2)"
    )
    database = applied([table], [table.replace("name TEXT", "name TEXT DEFAULT 'x'")], rows)
    found = database.execute("SELECT id, boss, note FROM people ORDER BY id").fetchall()
    note = "it REFERENCES people (id)"
    assert found == [(1, None, note), (2, 1, note), (3, 2, note)]
    [(sql,)] = database.execute("SELECT sql FROM sqlite_master WHERE name = 'people'")
    assert "people_new" not in sql
    # What is there is what was wanted: the case and the quotes of the reference mean nothing.
    wanted = [table.replace("name TEXT", "name TEXT DEFAULT 'x'")]
    assert SchemaDifference.between([sql], wanted).statements == ()


def test_an_index_that_goes_with_a_table_that_is_built_anew_is_dropped_by_name() -> None:
    """The lint refuses a loss that no statement names."""
    after = [BEFORE[0].replace("<> ''", "<> '-'")]
    statements = SchemaDifference.between(BEFORE, after).statements
    assert statements[0] == 'DROP INDEX "by_name"'
    assert shape(applied(BEFORE, after)) == shape(applied([], after))


def test_an_index_that_stays_is_made_again_with_its_table() -> None:
    after = [BEFORE[0].replace("<> ''", "<> '-'"), BEFORE[1]]
    statements = SchemaDifference.between(BEFORE, after).statements
    assert not any(statement.startswith("DROP INDEX") for statement in statements)
    assert shape(applied(BEFORE, after)) == shape(applied([], after))


@pytest.mark.parametrize("written", ["people", "People", "PEOPLE"])
def test_a_table_that_another_refers_to_in_any_case_is_not_built_anew(written: str) -> None:
    child = f"CREATE TABLE pets (id INTEGER, owner REFERENCES {written} (id) ON DELETE CASCADE)"
    with pytest.raises(UsageError, match="pets refers to it"):
        SchemaDifference.between(
            [*BEFORE, child], [BEFORE[0].replace("<> ''", "<> '-'"), *BEFORE[1:], child]
        )
