"""The rows of an earlier service survive every step of their takeover, and a crash at each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.account_api import TOKEN_VARIABLE
from infra.migrations.d1 import D1Database
from infra.migrations.errors import MigrationError
from ops.adoption import earlier_data
from ops.adoption.earlier_data import EarlierData
from tests.infra.d1_api import ACCOUNT, BASE_URL, DATABASE, D1Api, Fault, Killed
from tests.ops.adoption.earlier.installation import CLEAR_TOKEN, earlier_installation

MIGRATIONS = Path(__file__).resolve().parents[3] / "sql" / "migrations"
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "t" * 40)


def database(api: D1Api) -> EarlierData:
    client = D1Database(account_id=ACCOUNT, database_id=DATABASE, base_url=BASE_URL, transport=api)
    return EarlierData(client, MIGRATIONS, sleep=api.sleep)


def filled(**counts: int) -> D1Api:
    api = D1Api()
    for statement in earlier_installation(**counts):
        api.connection.execute(statement)
    return api


def rows(api: D1Api, sql: str) -> list[dict[str, Any]]:
    return [dict(row) for row in api.connection.execute(sql).fetchall()]


def tables(api: D1Api) -> set[str]:
    return {row["name"] for row in rows(api, "SELECT name FROM sqlite_master WHERE type='table'")}


@pytest.mark.requirement("C-0.28", "S0-37")
def test_every_row_is_kept_and_reads_as_this_services_own() -> None:
    api = filled()
    work = database(api)
    found = work.look()
    assert found is not None
    assert found.rows["user_configs"] == 4
    work.take_over()

    configs = rows(api, "SELECT * FROM user_configs ORDER BY id")
    assert [row["user_id"] for row in configs] == [f"user-{n}" for n in range(4)]
    assert configs[0]["created_at"] == "2025-01-05T10:00:00.000Z"
    assert configs[3]["is_active"] == 0
    logs = rows(api, "SELECT * FROM notification_logs ORDER BY id")
    assert [row["content"] for row in logs] == ["Hello"] * 6
    assert [row["status"] for row in logs] == [
        *("sent", "failed", "retry", "pending", "failed", "sent")
    ]
    assert all(ISO.fullmatch(row["created_at"]) for row in logs)
    assert logs[0]["sent_at"] == "2025-01-05T10:00:00.000Z", "a sent one has a time"
    assert ISO.fullmatch(logs[2]["next_retry_at"]), "a retry that was under way is due"
    assert logs[2]["expires_at"] > logs[2]["next_retry_at"], "and has a day from now on"
    assert logs[1]["variables"] is None
    assert logs[1]["message_id"] == "earlier_ntf_1"
    assert sorted(row["id"] for row in logs) == [row["id"] for row in logs]
    names = {
        row["template_key"]: row["template_name"]
        for row in rows(api, "SELECT * FROM notification_templates_v2")
    }
    assert names["welcome"] == "Welcome"
    assert names["grafana-alert"] == "Ours", "the installation's own template wins"
    assert (
        len(rows(api, "SELECT * FROM template_contents WHERE content_template LIKE '%alert'")) == 1
    )
    assert rows(api, "SELECT config_value FROM system_configs") == [{"config_value": "876000"}]
    assert work.clear_text_left() == 4

    assert work.finish() == {}
    assert not any(name.startswith("earlier_") for name in tables(api))
    assert work.look() is None
    assert api.connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_database_of_this_service_has_nothing_to_take_over() -> None:
    api = D1Api()
    work = database(api)
    assert work.look() is None
    work.take_over()
    assert work.look() is None
    assert work.finish() == {}


def test_rows_that_no_longer_fit_stay_in_the_earlier_table_and_are_counted() -> None:
    api = filled()
    long_name = "x" * 101
    api.connection.execute(
        "INSERT INTO user_configs (user_id, channel_type, config_data) VALUES (?, 'webhook', '{}')",
        (long_name,),
    )
    work = database(api)
    work.take_over()
    assert work.finish() == {"earlier_user_configs": 1}
    assert long_name in {row["user_id"] for row in rows(api, "SELECT * FROM earlier_user_configs")}
    assert "earlier_notification_logs" not in tables(api)


def test_more_rows_than_a_page_are_all_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(earlier_data, "PAGE", 7)
    api = filled(configs=23, logs=40)
    work = database(api)
    work.take_over()
    assert len(rows(api, "SELECT 1 FROM user_configs")) == 23
    assert len(rows(api, "SELECT 1 FROM notification_logs")) == 40
    assert work.finish() == {}


@pytest.mark.parametrize(("fault", "is_made"), [("answer lost", True), ("lost", False)])
def test_the_tables_tell_whether_a_renaming_without_an_answer_was_made(
    fault: Fault, is_made: bool
) -> None:
    api = filled()
    before = tables(api)
    # After what there is: the tables, the configurations' columns, and the indexes.
    api.faults = {3: fault}
    if is_made:
        database(api).take_over()
        assert "earlier_user_configs" in tables(api)
    else:
        with pytest.raises(MigrationError):
            database(api).take_over()
        assert tables(api) == before
        database(api).take_over()
    assert database(api).finish() == {}


NAMES = (
    ("user_configs", "user_id", 100, ""),
    ("user_configs", "channel_type", 32, ""),
    ("notification_templates_v2", "template_key", 100, ""),
    ("template_contents", "channel_type", 32, ""),
    ("notification_logs", "user_id", 100, "message_id"),
    ("notification_logs", "channel_type", 32, "message_id"),
    ("idempotency_keys", "idempotency_key", 255, ""),
    ("task_execution_records", "task_name", 64, ""),
)


def test_names_of_the_greatest_length_are_taken_over_and_longer_ones_stay() -> None:
    api = filled()
    staying: Counter[str] = Counter()
    for table, column, most, unique in NAMES:
        row = rows(api, f"SELECT * FROM {table}")[0]  # noqa: S608  the test's own names
        row.pop("id", None)
        for length in (1, most, most + 1, 0):
            values = {**row, column: "x" * length}
            if unique:
                values[unique] = f"{column} {length}"
            marks = ", ".join("?" * len(values))
            api.connection.execute(
                f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})",  # noqa: S608
                tuple(values.values()),
            )
        staying[f"earlier_{table}"] += 2
    work = database(api)
    work.take_over()
    assert work.finish() == staying
    for table, column, most, _ in NAMES:
        found = {len(row[column]) for row in rows(api, f"SELECT * FROM {table}")}  # noqa: S608
        assert {1, most} <= found, (table, column)
        assert not {0, most + 1} & found, (table, column)


def test_an_earlier_template_stays_with_a_content_that_has_no_place_here() -> None:
    api = filled()
    api.connection.execute("UPDATE template_contents SET channel_type = '' WHERE rowid = 1")
    work = database(api)
    work.take_over()
    assert work.finish() == {"earlier_template_contents": 1}
    assert "earlier_notification_templates_v2" in tables(api)
    api.connection.execute("DELETE FROM earlier_template_contents WHERE channel_type = ''")
    assert work.finish() == {}
    assert not any(name.startswith("earlier_") for name in tables(api))


def test_each_page_begins_after_the_last_row_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def calls(page: int) -> int:
        monkeypatch.setattr(earlier_data, "PAGE", page)
        api = filled(configs=21, logs=40)
        database(api).take_over()
        return api.calls

    # Three calls a page: three pages of configurations in place of one, and six of the log.
    assert calls(7) - calls(1000) == 3 * (2 + 5)


def content(api: D1Api) -> dict[str, list[tuple[Any, ...]]]:
    """All rows, but for the times of the takeover itself."""
    found = {}
    for name in sorted(tables(api)):
        if name.startswith(("d1_migrations", "sqlite_")):
            continue
        listed = []
        for row in rows(api, f"SELECT * FROM {name}"):  # noqa: S608 - a table's own name
            kept = {
                key: value
                for key, value in row.items()
                if key not in ("next_retry_at", "expires_at", "updated_at")
            }
            if name == "template_contents":
                kept.pop("id")
            listed.append(tuple(sorted((k, str(v)) for k, v in kept.items())))
        found[name] = sorted(listed)
    return found


def run(api: D1Api) -> None:
    work = database(api)
    work.take_over()
    work.finish()


@pytest.mark.parametrize(
    ("fault", "first"), [("killed before", 2), ("killed after", 7), ("answer lost", 12)]
)
def test_a_crash_at_some_calls_leaves_something_that_a_second_run_completes(
    fault: Fault, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    survives(fault, first, 15, monkeypatch)


@pytest.mark.soak
@pytest.mark.parametrize("fault", ["killed before", "killed after", "answer lost"])
def test_a_crash_at_any_call_leaves_something_that_a_second_run_completes(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    survives(fault, 0, 1, monkeypatch)


def survives(fault: Fault, first: int, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupt the takeover at every ``step``-th call from ``first`` on, and complete it."""
    monkeypatch.setattr(earlier_data, "PAGE", 3)
    whole = filled()
    run(whole)
    expected, calls = content(whole), whole.calls
    points = range(first, calls, step)
    assert len(points) > 1
    for point in points:
        api = filled()
        api.faults = {point: fault}
        interrupted(lambda api=api: run(api))  # type: ignore[misc] # bound at once
        api.restart_writer()
        run(api)
        assert content(api) == expected, f"{fault} at call {point}"


def interrupted(work: Callable[[], None]) -> None:
    """Run what may be killed."""
    try:
        work()
    except (Killed, MigrationError):
        return


def test_no_message_of_the_takeover_holds_a_secret() -> None:
    api = filled()
    told: list[str] = []
    database(api).take_over(told.append)
    assert told
    assert CLEAR_TOKEN not in "".join(told)
