"""A disk without room: nothing that was stored is lost, and the answer says what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from localcloud.broker.message_store import MessageStore, NewMessage
from localcloud.database import Database
from localcloud.errors import is_disk_full
from localcloud.schema import CONTROL_PLANE
from tests.localcloud.running_cloud import RunningCloud


def fill_up(database: Database) -> None:
    """Forbid SQLite to grow: the next page it needs fails as on a full disk (SQLITE_FULL)."""
    pages = database.value("PRAGMA page_count")
    database.value(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_rolls_a_send_back_and_keeps_the_counters_right(tmp_path: Path) -> None:
    store = MessageStore(tmp_path / "broker.sqlite3")
    small = NewMessage("a", "text", b"x", 0)
    store.send("q", [small], now_ms=1)
    fill_up(store._database)
    large = NewMessage("b", "text", b"x" * 100_000, 0)
    with pytest.raises(sqlite3.OperationalError) as caught:
        store.send("q", [small, large], now_ms=2)
    assert is_disk_full(caught.value)
    assert (store.backlog("q").count, store.backlog("q").bytes) == (1, 1)
    assert [message.id for message in store.due("q", now_ms=9, limit=9, leased=[])] == ["a"]


def test_the_api_and_the_broker_say_that_the_disk_is_full(cloud: RunningCloud) -> None:
    queue = cloud.result("POST", "/queues", json={"queue_name": "jobs"})["queue_id"]
    server = cloud._server
    fill_up(server._database)
    fill_up(server._broker._store._database)
    answers = [
        cloud.account("POST", "/workers/workers", json={"name": f"w{n}"}) for n in range(200)
    ]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert {answer.status_code for answer in refused} == {507}
    assert "is full: free some space" in refused[0].json()["errors"][0]["message"]
    sent = cloud.send(queue, b"x" * 100_000)
    assert (sent.status_code, "the disk is full" in sent.json()["error"]) == (507, True)
    kept = len(answers) - len(refused)
    assert cloud.local("GET", "/state")["workers"] == kept


def test_a_transaction_that_fails_leaves_the_database_usable(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.sqlite3", CONTROL_PLANE)

    def insert_twice() -> None:
        with database.transaction():
            database.execute("INSERT INTO kv_namespaces VALUES ('a', 't')")
            database.execute("INSERT INTO kv_namespaces VALUES ('b', 't')")

    with pytest.raises(sqlite3.IntegrityError):
        insert_twice()
    assert database.rows("SELECT * FROM kv_namespaces") == []
    database.execute("INSERT INTO kv_namespaces VALUES ('a', 't')")
    assert database.value("PRAGMA journal_mode") == "wal"
    assert database.value("PRAGMA synchronous") == 2
