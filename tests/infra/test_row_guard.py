"""A migration that would lose real rows, which no made-up row showed, is taken back as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.migrations.d1 import D1Database
from infra.migrations.errors import RefusedMigration
from infra.migrations.files import MigrationSet
from infra.migrations.migrator import Migrator
from tests.infra.d1_api import ACCOUNT, BASE_URL, DATABASE, D1Api
from tests.infra.stack_inputs import write_migrations

FIRST = {
    "0001_first.sql": "CREATE TABLE labels (name TEXT PRIMARY KEY, colour TEXT) WITHOUT ROWID;\n"
    "CREATE TABLE notes (id INTEGER PRIMARY KEY,"
    " label TEXT REFERENCES Labels (name) ON DELETE CASCADE ON UPDATE CASCADE, body TEXT);\n",
    "0001_first.down.sql": "DROP TABLE notes;\nDROP TABLE labels;\n",
}
ROWS = (
    "INSERT INTO labels VALUES ('urgent', 'red'), ('late', 'blue');"
    "INSERT INTO notes VALUES (10, 'urgent', 'one'), (11, 'urgent', 'one'), (12, 'late', NULL);"
)


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> D1Api:
    """A migrated database with rows of its own."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "t" * 40)
    api = D1Api()
    migrator(api).apply(MigrationSet.read(write_migrations(tmp_path / "first", FIRST)))
    api.connection.executescript(ROWS)
    return api


def migrator(api: D1Api) -> Migrator:
    database = D1Database(
        account_id=ACCOUNT, database_id=DATABASE, base_url=BASE_URL, transport=api
    )
    return Migrator(database, sleep=api.sleep)


def second(folder: Path, up: str, down: str = "SELECT 1;") -> MigrationSet:
    more = {"0002_second.sql": up, "0002_second.down.sql": down}
    return MigrationSet.read(write_migrations(folder, {**FIRST, **more}))


@pytest.mark.parametrize(
    "statement",
    [
        # Declared for the parent alone: the child's rows go by CASCADE.
        "-- loses: labels\nDELETE FROM labels WHERE name = 'urgent';",
        # A key's new value reaches the child by CASCADE.
        "UPDATE labels SET name = 'asap' WHERE name = 'urgent';",
    ],
)
def test_rows_that_go_with_a_declared_one_are_named_and_everything_is_as_before(
    api: D1Api, tmp_path: Path, statement: str
) -> None:
    before = api.dump()
    with pytest.raises(RefusedMigration, match=r"0002_second\.sql would lose .* rows of notes"):
        migrator(api).apply(second(tmp_path / "second", statement))
    assert api.dump() == before
    assert api.ledger() == ["0001_first.sql"]
    declared = f"-- loses: notes\n{statement}"
    migrator(api).apply(second(tmp_path / "declared", declared))
    assert api.ledger() == ["0001_first.sql", "0002_second.sql"]
    assert not any("d1_migrations_copy" in line for line in api.connection.iterdump())


def test_a_rebuild_that_filters_real_rows_is_taken_back(api: D1Api, tmp_path: Path) -> None:
    rebuild = (
        "CREATE TABLE notes_new (id INTEGER PRIMARY KEY,"
        " label TEXT REFERENCES labels (name) ON DELETE CASCADE ON UPDATE CASCADE, body TEXT);\n"
        "INSERT INTO notes_new SELECT * FROM notes{condition};\n"
        "DROP TABLE notes;\nALTER TABLE notes_new RENAME TO notes;\n"
    )
    before = api.dump()
    for condition in (" WHERE id <> 12", " WHERE id <> 11"):
        filtered = second(tmp_path / condition[-2:], rebuild.format(condition=condition))
        with pytest.raises(RefusedMigration, match="rows of notes"):
            migrator(api).apply(filtered)
        assert api.dump() == before
    migrator(api).apply(second(tmp_path / "whole", rebuild.format(condition="")))
    assert [row["id"] for row in api.connection.execute("SELECT id FROM notes")] == [10, 11, 12]


def test_one_of_two_equal_rows_is_missed(api: D1Api, tmp_path: Path) -> None:
    plain = "CREATE TABLE words (word TEXT);\n"
    files = {"0001_first.sql": plain, "0001_first.down.sql": "DROP TABLE words;\n"}
    other = D1Api()
    migrator(other).apply(MigrationSet.read(write_migrations(tmp_path / "plain", files)))
    other.connection.executescript("INSERT INTO words VALUES ('real'), ('real');")
    once = (
        "CREATE TABLE once (word TEXT);\n"
        "INSERT INTO once SELECT DISTINCT word FROM words WHERE word = 'real';\n"
        "INSERT INTO once SELECT word FROM words WHERE word <> 'real' OR word IS NULL;\n"
        "DROP TABLE words;\nALTER TABLE once RENAME TO words;\n"
    )
    more = {"0002_once.sql": once, "0002_once.down.sql": "SELECT 1;"}
    both = MigrationSet.read(write_migrations(tmp_path / "both", {**files, **more}))
    with pytest.raises(RefusedMigration, match="rows of words"):
        migrator(other).apply(both)


def test_what_an_update_names_may_change_and_the_other_columns_may_not(
    api: D1Api, tmp_path: Path
) -> None:
    migrator(api).apply(second(tmp_path / "named", "UPDATE notes SET body = 'x' WHERE id = 10;"))
    assert [row["body"] for row in api.connection.execute("SELECT body FROM notes")] == [
        "x",
        "one",
        None,
    ]


def test_on_the_way_down_only_what_the_migration_brought_may_go(api: D1Api, tmp_path: Path) -> None:
    up = "ALTER TABLE notes ADD COLUMN size INTEGER;\nCREATE TABLE extra (id INTEGER);\n"
    down = "DROP TABLE extra;\nALTER TABLE notes DROP COLUMN size;\n"
    greedy = second(tmp_path / "greedy", up, f"{down}DELETE FROM notes;")  # noqa: S608
    migrator(api).apply(greedy)
    api.connection.execute("INSERT INTO extra VALUES (1)")
    before = api.dump()
    with pytest.raises(RefusedMigration, match=r"0002_second\.down\.sql would lose .* notes"):
        migrator(api).roll_back(greedy, to_level=1)
    assert api.dump() == before
    migrator(api).roll_back(second(tmp_path / "good", up, down), to_level=1)
    assert api.ledger() == ["0001_first.sql"]


def test_a_file_that_only_adds_copies_nothing(api: D1Api, tmp_path: Path) -> None:
    seen: list[str] = []
    api.before = seen.extend
    adds = "ALTER TABLE notes ADD COLUMN size INTEGER;\nCREATE TABLE extra (id INTEGER);\n"
    migrator(api).apply(second(tmp_path / "adds", adds))
    assert not [sql for sql in seen if "d1_migrations_copy" in sql]


def test_a_file_is_compared_with_what_it_may_change_and_nothing_else(
    api: D1Api, tmp_path: Path
) -> None:
    api.connection.executescript(
        "CREATE INDEX by_label ON notes (label); CREATE VIEW shown AS SELECT * FROM labels;"
        "CREATE TABLE extra (id INTEGER);"
    )
    seen: list[str] = []
    api.before = seen.extend
    update = second(tmp_path / "update", "UPDATE notes SET body = 'x' WHERE id = 10;")
    migrator(api).apply(update)
    assert [sql for sql in seen if "TABLE d1_migrations_copy" in sql] == [
        'CREATE TABLE d1_migrations_copy_0 AS SELECT "id" AS c0, "label" AS c1 FROM "notes"',
        "DROP TABLE d1_migrations_copy_0",
    ]


def test_a_trigger_carries_the_guard_to_every_table(api: D1Api, tmp_path: Path) -> None:
    api.connection.executescript(
        "CREATE TABLE kept (id INTEGER); INSERT INTO kept VALUES (1);"
        "CREATE TRIGGER sweep AFTER INSERT ON labels "
        " WHEN NEW.name IN (SELECT body FROM notes) BEGIN"
        " DELETE FROM kept; END;"
    )
    before = api.dump()
    insert = second(tmp_path / "second", "INSERT INTO labels (name) VALUES ('one');")
    with pytest.raises(RefusedMigration, match="rows of kept"):
        migrator(api).apply(insert)
    assert api.dump() == before
