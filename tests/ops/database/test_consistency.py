"""What the constraints can't express is counted: what breaks a rule, and nothing else."""

from __future__ import annotations

import pytest

from ops.database.consistency import Finding, check_consistency
from ops.database.schema_changes import SchemaChanges
from tests.ops.database.sqlite_database import SqliteDatabase, project, sqlite_database

AGO = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{hours} hours')"
LOG = (
    "INSERT INTO notification_logs (id, message_id, user_id, channel_type, status, content, "
    "created_at, updated_at, sent_at, next_retry_at) VALUES ({id}, 'm{id}', 'u', 'webhook', "
    "'{status}', 'x', {created}, {created}, {created}, {due})"
)
KEY = (
    "INSERT INTO idempotency_keys (user_id, idempotency_key, message_ids, expires_at) "
    "VALUES ('u', 'k{hours}', '[]', {at})"
)
CONFIG = (
    "INSERT INTO user_configs (user_id, channel_type, config_data) "
    "VALUES ('{user}', 'webhook', '{data}')"
)


@pytest.fixture(scope="module")
def migrated() -> SqliteDatabase:
    database = sqlite_database()
    SchemaChanges(database, project()).migrate()
    return database


@pytest.fixture
def database(migrated: SqliteDatabase) -> SqliteDatabase:
    """Emptied: the migrations are applied once for the module."""
    for table in ("notification_logs", "idempotency_keys", "user_configs"):
        migrated.query(f"DELETE FROM {table}")  # noqa: S608 - a constant
    return migrated


def broken(database: SqliteDatabase) -> dict[str, int]:
    return {found.rule: found.rows for found in check_consistency(database) if found.rows}


def ago(hours: int) -> str:
    return AGO.format(hours=hours)


def test_a_fresh_database_breaks_no_rule(database: SqliteDatabase) -> None:
    found = check_consistency(database)
    assert len(found) >= 7
    assert not any(one.rows for one in found)
    assert found[0] == Finding("damaged pages or indexes", 0, "restore a backup")
    assert found[1].rule == "references to rows that don't exist"


def test_rows_pending_for_more_than_a_day_are_counted(database: SqliteDatabase) -> None:
    for number, (status, hours) in enumerate([("pending", 25), ("pending", 23), ("sent", 25)], 1):
        row = LOG.format(id=number, status=status, created=ago(hours), due="NULL")
        database.query(row)
    assert broken(database) == {"rows pending for over a day, which the sweep should have ended": 1}


def test_retries_due_for_more_than_a_day_are_counted(database: SqliteDatabase) -> None:
    for number, (status, hours) in enumerate([("retry", 25), ("retry", 23), ("failed", 25)], 1):
        row = LOG.format(id=number, status=status, created=ago(48), due=ago(hours))
        database.query(row)
    assert broken(database) == {"retries due for over a day": 1}


def test_keys_that_expired_more_than_two_days_ago_are_counted(database: SqliteDatabase) -> None:
    for hours in (47, 49, 50):
        database.query(KEY.format(hours=hours, at=ago(hours)))
    assert broken(database) == {"keys that expired over two days ago and were not cleaned up": 2}


def test_configurations_in_clear_text_are_counted(database: SqliteDatabase) -> None:
    for user, data in (("a", "enc:v1:x"), ("b", "{}"), ("c", "x enc:")):
        database.query(CONFIG.format(user=user, data=data))
    assert broken(database) == {"channel configurations in clear text": 2}


def test_active_templates_without_a_content_are_counted(database: SqliteDatabase) -> None:
    database.query(
        "INSERT INTO notification_templates_v2 (template_key, template_name, is_active) "
        "VALUES ('empty', 'Empty', 1), ('off', 'Off', 0)"
    )
    try:
        assert broken(database) == {"active templates without a content, which no send can use": 1}
    finally:
        database.query(
            "DELETE FROM notification_templates_v2 WHERE template_key IN ('empty', 'off')"
        )


def test_a_rule_whose_table_is_not_there_yet_is_left_out() -> None:
    database = sqlite_database()
    database.query("CREATE TABLE user_configs (config_data TEXT)")
    database.query("INSERT INTO user_configs VALUES ('clear')")
    assert [found.rule for found in check_consistency(database)][2:] == [
        "channel configurations in clear text"
    ]


def test_a_reference_to_a_row_that_is_gone_is_counted() -> None:
    database = sqlite_database()
    database.api.connection.executescript(
        "PRAGMA foreign_keys = OFF; CREATE TABLE a (id INTEGER PRIMARY KEY);"
        "CREATE TABLE b (a INTEGER REFERENCES a (id)); INSERT INTO b VALUES (7), (8);"
    )
    assert broken(database) == {"references to rows that don't exist": 2}


def test_a_finding_reads_as_one_line() -> None:
    assert Finding("retries due", 3, "look").text() == "3 retries due: look"
