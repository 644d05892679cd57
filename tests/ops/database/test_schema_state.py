"""The state of a schema names what is missing and pending, and the command that mends it."""

from __future__ import annotations

import pytest

from ops.database.schema_changes import SchemaChanges
from ops.database.schema_state import SchemaState
from ops.database.stack_database import migrations
from tests.ops.database.sqlite_database import SqliteDatabase, project, sqlite_database

FILES = [migration.name for migration in migrations(project())]


@pytest.fixture(scope="module")
def migrated() -> SqliteDatabase:
    database = sqlite_database(code_level=3)
    SchemaChanges(database, project()).migrate()
    return database


def test_a_migrated_database_has_no_problem(migrated: SqliteDatabase) -> None:
    state = SchemaState.read(migrated, project())
    assert state.problem == ""
    assert [one.name for one in state.applied] == FILES
    assert (state.pending, state.missing) == ([], [])
    assert state.tables["user_configs"] == 0
    document = state.document()
    assert document["ok"] is True
    assert document["database"] == {
        "id": migrated.database_id,
        "name": "notify-dev",
        "account_name": "notify-dev",
        "bytes": 4096,
    }
    assert document["applied"][0] == {"name": FILES[0], "sha256": state.applied[0].sha256}


def test_an_empty_database_has_every_migration_pending_and_every_table_missing() -> None:
    state = SchemaState.read(sqlite_database(), project())
    assert state.pending == FILES
    assert "notification_logs" in state.missing
    assert state.problem.startswith(f"pending: {len(FILES)} migrations; tables are missing: ")
    assert state.problem.endswith("Run 'notifyctl db migrate --stack dev'.")
    assert state.document()["ok"] is False
    lines = list(state.lines())
    assert lines[1] == "schema    0 migrations applied, the last one none"
    assert f"pending   {FILES[0]}" in lines
    assert "    missing notification_logs" in lines


def test_a_table_that_was_dropped_by_hand_is_named_alone(migrated: SqliteDatabase) -> None:
    database = sqlite_database()
    migrated.api.connection.backup(database.api.connection)
    database.query("DROP TABLE template_contents")
    state = SchemaState.read(database, project())
    assert state.problem == (
        "tables are missing: template_contents. Run 'notifyctl db migrate --stack dev'."
    )


def test_another_name_in_the_account_is_told_before_anything_else() -> None:
    state = SchemaState.read(sqlite_database(account_name="other"), project())
    assert "calls" in state.problem
    assert "'other'" in state.problem
    assert "notifyctl drift --stack dev" in state.problem


def test_the_lines_show_size_level_and_the_rows_of_each_table(migrated: SqliteDatabase) -> None:
    lines = list(SchemaState.read(migrated, project()).lines())
    assert lines[:3] == [
        f"database  notify-dev ({migrated.database_id}), 4 KiB",
        f"schema    {len(FILES)} migrations applied, the last one {FILES[-1]}",
        "code      of level 3",
    ]
    assert "          0 user_configs" in lines
