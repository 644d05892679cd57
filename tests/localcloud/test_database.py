"""The control plane's file: what is read, what stays, and what a failure takes back."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.database import Database

TABLE = "CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b TEXT)"
CHILD = "CREATE TABLE IF NOT EXISTS c (a INTEGER REFERENCES t)"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "d.sqlite3", (TABLE, CHILD))
    made.execute("INSERT INTO t VALUES (1, 'one'), (2, 'two')")
    yield made
    made.close()


def test_rows_are_read_as_they_are_asked_for(database: Database) -> None:
    ordered = "SELECT a, b FROM t WHERE a >= ? ORDER BY a"
    assert [tuple(row) for row in database.rows(ordered, 1)] == [(1, "one"), (2, "two")]
    row = database.row(ordered, 2)
    assert row is not None
    assert (row["a"], row["b"]) == (2, "two")
    assert (database.row(ordered, 3), database.value(ordered, 3)) == (None, None)
    # The first column of the first row.
    assert database.value(ordered, 1) == 1
    assert database.execute("UPDATE t SET b = 'x'") == 2


def test_a_setting_is_stored_by_its_name_and_replaced(database: Database) -> None:
    assert database.setting("a") is None
    database.set_setting("a", "1")
    database.set_setting("a", "2")
    database.set_setting("b", "")
    assert (database.setting("a"), database.setting("b")) == ("2", "")


@pytest.mark.parametrize("nested", [False, True])
def test_a_transaction_that_fails_leaves_nothing(database: Database, nested: bool) -> None:
    def fail() -> None:
        database.execute("INSERT INTO t VALUES (3, 'three')")
        raise KeyboardInterrupt

    def change() -> None:
        with database.transaction():
            database.execute("DELETE FROM t WHERE a = 1")
            if nested:
                with database.transaction():
                    fail()
            fail()

    with pytest.raises(KeyboardInterrupt):
        change()
    assert database.value("SELECT group_concat(a) FROM t") == "1,2"
    with database.transaction():
        database.execute("DELETE FROM t WHERE a = 1")
        with database.transaction():
            database.execute("INSERT INTO t VALUES (3, 'three')")
    assert database.value("SELECT group_concat(a) FROM t") == "2,3"


def test_the_file_is_its_owners_safe_from_a_power_cut_and_kept(
    database: Database, tmp_path: Path
) -> None:
    assert stat.S_IMODE((tmp_path / "d.sqlite3").stat().st_mode) == 0o600
    settings = ("journal_mode", "synchronous", "foreign_keys")
    # 2 is FULL (sqlite.org/pragma.html).
    assert [database.value(f"PRAGMA {name}") for name in settings] == ["wal", 2, 1]
    with pytest.raises(sqlite3.IntegrityError):
        database.execute("INSERT INTO c VALUES (9)")
    again = Database(tmp_path / "d.sqlite3", (TABLE,))
    assert again.value("SELECT count(*) FROM t") == 2
    again.close()
    with pytest.raises(sqlite3.ProgrammingError):
        again.rows("SELECT 1")
