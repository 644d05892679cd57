"""Migrations go up and down, and never below what the deployed code needs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ops.database.schema_changes import (
    SchemaChanges,
    reset_all,
    wanted_schema,
    write_migration,
)
from ops.database.schema_difference import SchemaDifference
from ops.database.stack_database import migrations
from ops.stacks.errors import GateClosed, OperationError, UsageError
from tests.ops.database.sqlite_database import SqliteDatabase, project, sqlite_database

FILES = [migration.name for migration in migrations(project())]
TOP = len(FILES)


@pytest.fixture(scope="module")
def migrated() -> SqliteDatabase:
    database = sqlite_database()
    SchemaChanges(database, project()).migrate()
    return database


def changes(migrated: SqliteDatabase, *, code_level: int = 0) -> SchemaChanges:
    """Changes of a copy, so that the migrations run once for the module."""
    database = sqlite_database(code_level=code_level)
    migrated.api.connection.backup(database.api.connection)
    return SchemaChanges(database, project())


def test_migrating_returns_what_was_applied_and_a_second_time_nothing() -> None:
    fresh = SchemaChanges(sqlite_database(), project())
    assert fresh.applied() == set()
    assert list(fresh.migrate()) == FILES
    assert fresh.applied() == set(FILES)
    assert fresh.migrate() == ()


def test_going_down_undoes_what_is_above_the_level_newest_first(migrated: SqliteDatabase) -> None:
    schema = changes(migrated)
    assert list(schema.down(TOP - 2)) == [FILES[-1], FILES[-2]]
    assert schema.applied() == set(FILES[:-2])
    assert list(schema.migrate()) == FILES[-2:]


def test_what_the_deployed_code_needs_is_not_undone(migrated: SqliteDatabase) -> None:
    schema = changes(migrated, code_level=TOP)
    with pytest.raises(GateClosed, match="Roll the code back first") as refused:
        schema.down(TOP - 1)
    assert FILES[-1] in str(refused.value)
    assert schema.applied() == set(FILES)


def test_what_only_newer_code_needs_may_be_undone(migrated: SqliteDatabase) -> None:
    assert list(changes(migrated, code_level=TOP - 1).down(TOP - 1)) == [FILES[-1]]


def test_a_migrated_database_differs_in_nothing_from_the_wanted_schema(
    migrated: SqliteDatabase,
) -> None:
    assert changes(migrated).difference().statements == ()


def test_a_difference_is_pushed_without_the_ledger(migrated: SqliteDatabase) -> None:
    schema = changes(migrated)
    schema.database.query("CREATE TABLE extra (id INTEGER)")
    schema.database.query("DROP TABLE template_contents")
    difference = schema.difference()
    schema.push(difference)
    assert schema.difference().statements == ()
    assert schema.applied() == set(FILES)
    names = {row["name"] for row in schema.database.query("SELECT name FROM sqlite_master")}
    assert "template_contents" in names
    assert "extra" not in names


def test_no_difference_makes_no_call(migrated: SqliteDatabase) -> None:
    schema = changes(migrated)
    calls = schema.database.api.calls  # type: ignore[attr-defined]
    schema.push(SchemaDifference.between([], []))
    assert schema.database.api.calls == calls  # type: ignore[attr-defined]


def test_a_reset_loses_every_row_and_applies_every_migration(migrated: SqliteDatabase) -> None:
    schema = changes(migrated)
    schema.database.query("CREATE TABLE extra (id INTEGER)")
    assert list(schema.reset()) == FILES
    names = {row["name"] for row in schema.database.query("SELECT name FROM sqlite_master")}
    assert "extra" not in names


RECORD = "SELECT config_value FROM system_configs WHERE config_key = 'shards'"
PUT = "INSERT INTO system_configs (config_key, config_value) VALUES ('shards', ?)"


@pytest.mark.parametrize(
    ("record", "after"),
    [
        (None, None),
        ('{"n":2,"moving_to":null}', '{"n":2,"moving_to":null}'),
        ('{"n":3,"moving_to":1}', '{"n":3,"moving_to":null}'),
    ],
)
def test_a_reset_empties_every_database_and_keeps_how_many_recipients_are_spread_over(
    migrated: SqliteDatabase, record: str | None, after: str | None
) -> None:
    every = [changes(migrated) for _ in range(3)]
    if record is not None:
        every[0].database.query(PUT, record)
    for one in every:
        one.database.query(
            "INSERT INTO user_configs (user_id, channel_type, config_data) VALUES ('u', 'w', '')"
        )
    assert list(reset_all(every)) == FILES
    for one in every:
        assert one.database.query("SELECT user_id FROM user_configs") == []
        assert one.applied() == set(FILES)
    assert [row["config_value"] for row in every[0].database.query(RECORD)] == (
        [] if after is None else [after]
    )


def test_a_reset_that_is_cut_off_leaves_the_record_of_who_is_where(
    migrated: SqliteDatabase,
) -> None:
    first, second = changes(migrated), changes(migrated)
    first.database.query(PUT, '{"n":2,"moving_to":null}')
    object.__setattr__(second, "reset", _cut_off)
    with pytest.raises(OperationError, match="cut off"):
        reset_all([first, second])
    assert first.database.query(RECORD) == [{"config_value": '{"n":2,"moving_to":null}'}]


def _cut_off() -> tuple[str, ...]:
    raise OperationError("cut off")


def test_a_missing_schema_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match=r"sql/schema\.sql can't be read"):
        wanted_schema(project(tmp_path))


def test_a_migration_is_written_with_its_way_back_and_the_schema_generated_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "sql" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_first.sql").write_text(
        "-- 0001_first\n\nCREATE TABLE a (id INTEGER PRIMARY KEY, v TEXT);\n"
    )
    (folder / "0001_first.down.sql").write_text("DROP TABLE a;\n")
    (tmp_path / "sql" / "schema.sql").write_text(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, v TEXT);\nCREATE TABLE b (id INTEGER);\n"
    )
    ran: list[Any] = []
    monkeypatch.setattr(
        "ops.database.schema_changes.subprocess.run", lambda *a, **how: ran.append((a, how))
    )
    up, down, difference = write_migration(project(tmp_path), "add_b")
    assert (up.name, down.name) == ("0002_add_b.sql", "0002_add_b.down.sql")
    assert up.parent == down.parent == folder
    assert up.read_text() == "-- 0002_add_b: from level 1.\n\nCREATE TABLE b (id INTEGER);\n"
    assert down.read_text() == (
        '-- Undoes 0002_add_b.\n-- Loses the content of b.\n\nDROP TABLE "b";\n'
    )
    assert len(difference.statements) == 1
    script = str(tmp_path / "sql" / "generate_schema.py")
    assert ran == [(([sys.executable, script],), {"cwd": tmp_path, "check": True})]

    ran.clear()
    with pytest.raises(UsageError, match="already matches the migrations"):
        write_migration(project(tmp_path), "add_b")
    with pytest.raises(UsageError, match="can't name a migration"):
        write_migration(project(tmp_path), "ab")
    assert ran == []
