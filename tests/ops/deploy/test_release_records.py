"""What is known of releases, in a service's database on SQLite in this process."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest

from ops.deploy.release.records import ReleaseRecord, ReleaseRecords, read_tolerantly
from ops.stacks.errors import OperationError
from tests.ops.database.sqlite_database import sqlite_database

RECORD = ReleaseRecord("failed", "signed call", "ada", "c" * 40, "b" * 64, "2026-11-29T08:00:00Z")


class Account:
    """Queries SQLite as Cloudflare would query D1."""

    def __init__(self) -> None:
        self.connection = sqlite_database().api.connection
        self.connection.execute(
            "CREATE TABLE system_configs (config_key TEXT PRIMARY KEY, config_value TEXT, "
            "description TEXT, updated_at TEXT)"
        )
        self.asked: list[tuple[str, str]] = []

    def query(self, what: str, database_id: str, sql: str, *parameters: str) -> list[Any]:
        self.asked.append((what, database_id))
        found = self.connection.execute(sql, parameters)
        return [dict(zip(("config_key", "config_value"), row, strict=True)) for row in found]


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def records(account: Any) -> ReleaseRecords:
    return ReleaseRecords(account, "the-database")


def test_a_record_is_kept_under_its_version_and_replaced(
    account: Account, records: ReleaseRecords
) -> None:
    assert records.read() == {}
    records.write("v1", RECORD)
    records.write("v2", ReleaseRecord("verified", at="2026-11-29T09:00:00Z"))
    assert records.read()["v1"] == RECORD
    records.write("v1", ReleaseRecord("rolled back", at="2026-11-29T10:00:00Z"))
    assert {version: record.result for version, record in records.read().items()} == {
        "v1": "rolled back",
        "v2": "verified",
    }
    rows = account.connection.execute("SELECT config_key, updated_at FROM system_configs")
    kept = dict(rows.fetchall())
    assert set(kept) == {"release.v1", "release.v2"}
    assert kept["release.v1"]
    assert kept["release.v2"] is None
    assert set(account.asked) == {("query the service's database", "the-database")}


def test_a_record_without_a_time_gets_that_of_now(records: ReleaseRecords) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    records.write("v1", ReleaseRecord("verified"))
    at = records.read()["v1"].at
    assert at.endswith("Z")
    assert len(at) == len("2026-11-29T08:00:00Z")
    assert before <= datetime.fromisoformat(at) <= datetime.now(UTC)


def test_what_is_no_record_is_left_out(account: Account, records: ReleaseRecords) -> None:
    fine = json.dumps(asdict(RECORD))
    for key, value in (
        ("release.a", "no JSON"),
        ("release.b", "[]"),
        ("release.c", '{"colour": "red"}'),
        ("release.d", "{}"),
        ("release/e", fine),
        ("releasd.f", fine),
        ("release.", fine),
        ("release.good", fine),
    ):
        account.connection.execute(
            "INSERT INTO system_configs (config_key, config_value) VALUES (?, ?)", (key, value)
        )
    assert records.read() == {"": RECORD, "good": RECORD}


@pytest.mark.parametrize(
    ("result", "is_bad"),
    [("verified", False), ("failed", True), ("rolled back", True), ("", False)],
)
def test_only_what_failed_or_was_taken_back_is_bad(result: str, is_bad: bool) -> None:
    assert ReleaseRecord(result).is_bad is is_bad


def test_a_database_that_cannot_be_asked_knows_nothing_and_says_why(account: Any) -> None:
    assert read_tolerantly(ReleaseRecords(account, "d")) == ({}, None)

    def refuse(*_: Any) -> None:
        raise OperationError("D1 is away.")

    account.query = refuse
    assert read_tolerantly(ReleaseRecords(account, "d")) == ({}, "D1 is away.")
