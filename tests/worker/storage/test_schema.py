"""The migrations, the generated schema, the constraints and the query plans."""

from __future__ import annotations

import importlib.util
import sqlite3
from pathlib import Path

import pytest

from notification.channels.registry import CHANNELS
from notification.identity import first_row_id, new_keys, row_id_of
from notification.ports.database import Statement
from notification.storage.log_rows import LogFilter, list_statements
from tests.worker.endpoints import answer
from tests.worker.sqlite_database import SCHEMA, SqliteDatabase
from tests.worker.surroundings import SeededRandomness
from tests.worker.world import World

MIGRATIONS = SCHEMA.parent / "migrations"


def _generator() -> object:
    spec = importlib.util.spec_from_file_location(
        "generate_schema", SCHEMA.parent / "generate_schema.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _forward() -> list[Path]:
    return sorted(p for p in MIGRATIONS.glob("*.sql") if not p.name.endswith(".down.sql"))


def _objects(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()


def test_the_schema_file_is_what_the_migrations_lead_to() -> None:
    generator = _generator()
    assert SCHEMA.read_text() == generator.generate(MIGRATIONS)  # type: ignore[attr-defined]


@pytest.mark.requirement("C-3.8")
def test_every_migration_has_a_way_back_that_restores_what_was_before() -> None:
    connection = sqlite3.connect(":memory:")
    for path in _forward():
        before = _objects(connection)
        connection.executescript(path.read_text())
        after = _objects(connection)
        assert after != before or "INSERT" in path.read_text()
        back = path.with_name(path.stem + ".down.sql")
        connection.executescript(back.read_text())
        assert _objects(connection) == before, back.name
        connection.executescript(path.read_text())
        assert _objects(connection) == after, path.name


def _row(**changes: object) -> tuple[str, list[object]]:
    [key] = new_keys(1_767_225_600_000, ["webhook"], SeededRandomness())
    values: dict[str, object] = {
        "id": key.row_id,
        "message_id": key.message_id,
        "user_id": "u1",
        "channel_type": "webhook",
        **changes,
    }
    marks = ", ".join("?" for _ in values)
    columns = ", ".join(values)
    sql = f"INSERT INTO notification_logs ({columns}) VALUES ({marks})"  # noqa: S608 - test's own names
    return sql, list(values.values())


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "lost"},
        {"status": "sent"},
        {"status": "retry"},
        {"retry_count": -1},
        {"user_id": ""},
        {"user_id": "x" * 101},
        {"user_id": None},
        {"attempts": "not json"},
        {"variables": "not json"},
        {"content_type": "pdf"},
        {"id": 5},
        {"message_id": "ntf_1767225600001_webhook_000000000000"},
    ],
)
@pytest.mark.requirement("C-3.4")
def test_the_database_refuses_a_notification_that_makes_no_sense(
    changes: dict[str, object],
) -> None:
    database = SqliteDatabase()
    sql, values = _row(**changes)
    with pytest.raises(sqlite3.IntegrityError):
        database.connection.execute(sql, values)


def test_the_database_refuses_a_message_id_twice_of_either_form() -> None:
    database = SqliteDatabase()
    sql, values = _row()
    database.connection.execute(sql, values)
    with pytest.raises(sqlite3.IntegrityError):
        database.connection.execute(sql, values)
    old, row = _row(id=1, message_id="mwqwk1vd-74an9xd8ht4")
    database.connection.execute(old, row)
    again, row = _row(id=2, message_id="mwqwk1vd-74an9xd8ht4")
    with pytest.raises(sqlite3.IntegrityError):
        database.connection.execute(again, row)


def test_message_ids_name_their_rows_in_order_of_time() -> None:
    randomness = SeededRandomness()
    early = new_keys(1_767_225_600_000, ["webhook", "slack", "lark", "telegram"], randomness)
    late = new_keys(1_767_225_600_001, ["webhook"], randomness)
    assert len({key.row_id for key in early}) == 4
    assert max(early).row_id < late[0].row_id < 2**53
    for key in early + late:
        assert row_id_of(key.message_id) == key.row_id
    assert all(key.row_id >= first_row_id(1_767_225_600_000) for key in early)
    assert late[0].row_id >= first_row_id(1_767_225_600_001)
    for other in ("", "mwqwk1vd-74an9xd8ht4", "ntf_1_webhook_000000000000", "ntf_x"):
        assert row_id_of(other) is None


@pytest.mark.parametrize(
    ("chosen", "index"),
    [
        (LogFilter(), "INTEGER PRIMARY KEY"),
        (LogFilter(user_id="u"), "idx_notification_user"),
        (LogFilter(user_id="u", status="failed"), "idx_notification_"),
        (LogFilter(user_id="u", start="2026-01-01T00:00:00.000Z"), "idx_notification_user"),
        (LogFilter(status="failed"), "idx_notification_failed"),
        (LogFilter(status="sent"), "INTEGER PRIMARY KEY"),
        (LogFilter(start="2026-01-01T00:00:00.000Z"), "INTEGER PRIMARY KEY"),
        (LogFilter(message_id="ntf_1767225600000_webhook_000000000000"), "INTEGER PRIMARY KEY"),
        (LogFilter(message_id="legacy"), "notification_logs_message_id_unique"),
    ],
)
@pytest.mark.requirement("C-0.16")
def test_no_query_of_the_logs_scans_the_table_or_sorts(chosen: LogFilter, index: str) -> None:
    database = SqliteDatabase()
    page, count = list_statements(chosen, limit=50, offset=0)
    steps = database.plan(page)
    assert any(index in step for step in steps), steps
    for step in steps + database.plan(count):
        assert not step.startswith("SCAN notification_logs"), step
        assert "TEMP B-TREE" not in step, step


@pytest.mark.requirement("C-0.16")
def test_no_statement_of_the_routes_and_tasks_scans_a_table(world: World) -> None:
    world.configure()
    world.send(idempotency_key="k")
    world.endpoints.behave = lambda request: answer(500)
    world.send(idempotency_key="l")
    world.clock.ms += 20_000
    world.deliver_queues()
    world.request("GET", "/api/user-configs?user_id=u1")
    world.request("GET", "/api/user-configs?user_id=u1&channel_type=webhook")
    world.request("GET", f"/api/notification-logs/{world.logs()[0]['id']}")
    world.clock.ms += 600_000
    world.cron()
    seen: dict[str, Statement] = {s.sql: s for s in world.database.statements}
    assert len(seen) > 15
    # Once an hour, and cheaper than an index that each key would have to pay for.
    hourly = (
        "FROM idempotency_keys WHERE expires_at",
        "COUNT(*) AS total, COALESCE(SUM(expires",
        "FROM user_configs GROUP BY key_id",
    )
    tables = ("notification_logs", "user_configs", "idempotency_keys", "config", "log")
    for sql, statement in seen.items():
        if any(text in sql for text in hourly):
            continue
        for step in world.database.plan(statement):
            scanned = [t for t in tables if step.startswith(f"SCAN {t}") and "INDEX" not in step]
            assert not scanned, (sql, step)


def test_the_default_templates_migration_holds_the_files_of_today() -> None:
    spec = importlib.util.spec_from_file_location(
        "generate_default_templates", SCHEMA.parent / "generate_default_templates.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.MIGRATION.read_text() == module.generate(SCHEMA.parent / "templates")


def _contents(connection: sqlite3.Connection) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key, channel in connection.execute(
        "SELECT template_key, channel_type FROM template_contents"
    ):
        found.setdefault(key, set()).add(channel)
    return found


def test_newer_channels_get_contents_of_the_default_templates_that_nobody_has_changed() -> None:
    connection = sqlite3.connect(":memory:")
    newer = MIGRATIONS / "0013_default_templates_of_newer_channels.sql"
    for path in _forward():
        if path < newer:
            connection.executescript(path.read_text())
    first_four = {"webhook", "telegram", "lark", "slack"}
    theirs = (
        "UPDATE notification_templates_v2 SET revision = 2 WHERE template_key = 'grafana-alert'"
    )
    connection.execute(theirs)
    own = (
        "INSERT INTO template_contents (template_key, channel_type, content_template)"
        " VALUES ('system_alert', 'ntfy', 'mine')"
    )
    connection.execute(own)
    connection.commit()

    connection.executescript(newer.read_text())
    contents = _contents(connection)
    assert len(contents) == 5
    assert contents.pop("grafana-alert") == first_four
    assert all(channels == set(CHANNELS) for channels in contents.values())
    texts = dict(
        connection.execute(
            "SELECT channel_type, content_template FROM template_contents"
            " WHERE template_key = 'status_update'"
        )
    )
    assert texts["ntfy"] == texts["webhook"]
    assert texts["discord"] == texts["teams"] == texts["googlechat"] == texts["lark"]

    back = newer.with_name(newer.stem + ".down.sql").read_text()
    connection.executescript(back)
    assert _contents(connection) == {
        **dict.fromkeys(["grafana-alert", *contents], first_four),
        "system_alert": first_four | {"ntfy"},
    }
    assert ("mine",) in connection.execute("SELECT content_template FROM template_contents")
