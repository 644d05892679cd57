"""The state of the schema, and applying what is pending."""

from __future__ import annotations

import importlib.util
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.migrations.files import MigrationSet
from notification.ports.database import DatabaseError, Statement
from notification.schema.ledger import Migration, expected_tables
from notification.schema.migration_files import MIGRATIONS
from tests.worker.sqlite_database import SCHEMA, SqliteDatabase
from tests.worker.world import World

NAMES = [migration.name for migration in MIGRATIONS]
NO_LIMIT = "Manual migration in production requires force=true"


@pytest.fixture
def empty(world: World) -> World:
    """A staging installation whose database has nothing in it."""
    world.environment["ENVIRONMENT"] = "staging"
    world.database.connection = sqlite3.connect(":memory:", isolation_level=None)
    world.database.connection.row_factory = sqlite3.Row
    return world


def _schema(world: World) -> dict[str, object]:
    shown = world.request("GET", "/api/db/schema")
    assert shown.status == 200, shown.text
    data: dict[str, object] = shown.json["data"]
    return data


def _generator() -> object:
    path = SCHEMA.parent / "generate_schema.py"
    spec = importlib.util.spec_from_file_location("generate_schema_module", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_bundle_carries_the_migrations_as_they_are() -> None:
    """Where this fails, run `python sql/generate_schema.py`."""
    generator = _generator()
    module: Path = generator.MODULE  # type: ignore[attr-defined]
    assert module.read_text() == generator.generate_module(SCHEMA.parent / "migrations")  # type: ignore[attr-defined]
    files = MigrationSet.read(SCHEMA.parent / "migrations")
    assert [(m.name, m.sha256, m.statements) for m in files] == [
        (m.name, m.sha256, m.statements) for m in MIGRATIONS
    ]


def test_a_table_that_a_later_migration_drops_is_not_expected() -> None:
    def migration(*statements: str) -> Migration:
        return Migration("0001_x.sql", 1, "", 0, 1, statements)

    first = migration("CREATE TABLE b (id);", 'create table "a" (id);', "CREATE INDEX c ON b (id);")
    second = migration(
        "CREATE TABLE IF NOT EXISTS d (id);", "DROP TABLE IF EXISTS b;", "DROP TABLE unknown;"
    )
    assert expected_tables((first,)) == ["a", "b"]
    assert expected_tables((first, second)) == ["a", "d"]


@pytest.mark.requirement("C-0.15")
def test_pending_migrations_are_applied_outside_production(empty: World) -> None:
    before = _schema(empty)
    assert (before["isValid"], before["appliedMigrations"]) == (False, [])
    assert before["pendingMigrations"] == NAMES
    assert before["missingTables"] == expected_tables(MIGRATIONS)
    assert before["schemaVersion"] is None
    applied = empty.request("POST", "/api/db/migrate", {})
    assert applied.status == 200
    assert applied.json["data"]["migrationsRun"] == NAMES
    assert applied.json["data"]["environment"] == "staging"
    after = _schema(empty)
    assert after["isValid"] is True
    assert after["appliedMigrations"] == NAMES
    assert (after["missingTables"], after["pendingMigrations"]) == ([], [])
    assert after["schemaVersion"] == NAMES[-1]
    assert set(after["tables"]) == set(expected_tables(MIGRATIONS))  # type: ignore[call-overload]
    assert empty.send().code == "USER_NO_CHANNELS"


def test_the_result_is_the_schema_of_a_deployment(empty: World) -> None:
    empty.request("POST", "/api/db/migrate")
    sql = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    made = [row for row in empty.database.rows(sql) if row["name"] != "d1_migrations"]
    assert made == SqliteDatabase().rows(sql)


def test_the_ledger_is_the_deployments_own(empty: World) -> None:
    empty.request("POST", "/api/db/migrate")
    files = MigrationSet.read(SCHEMA.parent / "migrations")
    rows = empty.database.rows(
        "SELECT name, sha256, level, min_code, max_code FROM d1_migrations ORDER BY id"
    )
    assert [tuple(row.values()) for row in rows] == [
        (m.name, m.sha256, m.level, m.min_code, m.max_code) for m in files
    ]
    again = empty.request("POST", "/api/db/migrate").json["data"]
    assert (again["migrationsRun"], again["note"]) == ([], "Nothing is pending")


def test_wranglers_ledger_is_taken_over(empty: World) -> None:
    empty.database.connection.executescript(
        "CREATE TABLE d1_migrations(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE,"
        " applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);"
        + "".join(MIGRATIONS[0].statements)
    )
    empty.database.connection.execute("INSERT INTO d1_migrations (name) VALUES (?)", NAMES[:1])
    applied = empty.request("POST", "/api/db/migrate").json["data"]
    assert applied["migrationsRun"] == NAMES[1:]


def test_tables_of_a_deployments_own_are_not_shown(empty: World) -> None:
    empty.request("POST", "/api/db/migrate")
    empty.database.connection.execute("CREATE TABLE d1_migrations_lease (holder TEXT)")
    assert set(_schema(empty)["tables"]) == set(expected_tables(MIGRATIONS))  # type: ignore[call-overload]


def test_a_dry_run_changes_nothing(empty: World) -> None:
    told = empty.request("POST", "/api/db/migrate", {"dryRun": True}).json["data"]
    assert (told["migrationsRun"], told["dryRun"]) == (NAMES, True)
    assert _schema(empty)["tables"] == []


@pytest.mark.requirement("C-0.15")
def test_production_is_migrated_by_the_deployment_alone(world: World) -> None:
    for body, text in (
        ({}, NO_LIMIT),
        ({"dryRun": True}, NO_LIMIT),
        ({"force": True}, "In production the deployment applies migrations"),
    ):
        refused = world.request("POST", "/api/db/migrate", body)
        assert (refused.status, refused.code) == (403, "FORBIDDEN")
        assert refused.json["error"].startswith(text)
        assert "deployment" in refused.json["note"]
    assert not world.database.rows("SELECT 1 FROM sqlite_master WHERE name = 'd1_migrations'")


@pytest.mark.requirement("B-23")
def test_a_database_without_a_ledger_shows_what_it_has(world: World) -> None:
    data = _schema(world)
    assert (data["missingTables"], data["appliedMigrations"]) == ([], [])
    assert data["isValid"] is False
    assert data["autoMigrateEnabled"] is False
    assert data["environment"] == "production"


@pytest.mark.requirement("B-33")
def test_a_migration_that_fails_leaves_the_database_as_it_was(empty: World) -> None:
    def fail(statements: Sequence[Statement]) -> None:
        if any(statement.sql == MIGRATIONS[1].statements[-1] for statement in statements):
            raise DatabaseError("near CREATE: syntax error")

    empty.database.before_batch = fail
    failed = empty.request("POST", "/api/db/migrate")
    assert (failed.status, failed.json["migrationsRun"]) == (500, NAMES[:1])
    assert (
        failed.json["error"] == f"Migration {NAMES[1]} failed; the database is as it was before it"
    )
    assert "CREATE" not in failed.text
    data = _schema(empty)
    assert data["appliedMigrations"] == NAMES[:1]
    assert "notification_templates_v2" not in data["tables"]  # type: ignore[operator]


@pytest.mark.parametrize("body", [{"dryRun": "yes"}, {"force": 1}])
def test_a_flag_that_is_not_a_boolean_is_400(empty: World, body: dict[str, object]) -> None:
    assert empty.request("POST", "/api/db/migrate", body).code == "INVALID_PARAMETER"


def test_both_need_a_signature(empty: World) -> None:
    assert empty.request("GET", "/api/db/schema", signed=False).status == 401
    assert empty.request("POST", "/api/db/migrate", {}, signed=False).status == 401
