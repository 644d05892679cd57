"""A file of SQL into a database and out of it: told as it goes, whole or refused."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from localcloud import d1_dump
from localcloud.api import d1_load
from localcloud.api.d1_load import Loaded, LoadRefused, load


def loaded(
    tmp_path: Path, sql: str | bytes
) -> tuple[Loaded, list[tuple[int, int]], sqlite3.Connection]:
    file, text = tmp_path / "d1.sqlite", tmp_path / "load.sql"
    text.write_bytes(sql if isinstance(sql, bytes) else sql.encode())
    told: list[tuple[int, int]] = []
    result = load(file, text, lambda statements, read: told.append((statements, read)))
    return result, told, sqlite3.connect(file)


def test_statements_and_changes_are_counted(tmp_path: Path) -> None:
    sql = "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2); UPDATE t SET a = 3; SELECT * FROM t"
    result, told, connection = loaded(tmp_path, sql)
    assert (result, told) == (Loaded(4, 4), [])
    assert connection.execute("SELECT a FROM t").fetchall() == [(3,), (3,)]


def test_each_twenty_thousandth_statement_is_told_with_what_is_read(tmp_path: Path) -> None:
    sql = "SELECT 1;" * 40_001
    result, told, _ = loaded(tmp_path, sql)
    assert result == Loaded(40_001, 0)
    assert told == [(20_000, len(sql)), (40_000, len(sql))]


def test_a_file_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(d1_load, "_CHUNK", 7)
    monkeypatch.setattr(d1_load, "_TOLD_EVERY", 1)
    sql = "CREATE TABLE t (a);\r\nINSERT INTO t VALUES ('x;\r\ny');"
    result, told, connection = loaded(tmp_path, sql)
    assert result == Loaded(2, 1)
    assert [statements for statements, _ in told] == [1, 2]
    assert told[0][1] < len(sql)
    assert connection.execute("SELECT a FROM t").fetchall() == [("x;\r\ny",)]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT 1; SELEC 2", 'near "SELEC": syntax error: SQLITE_ERROR'),
        ("SELECT '" + "x" * 100_000 + "'", "statement too long: SQLITE_TOOBIG"),
        ("BEGIN; SELECT 1", "To execute a transaction, please use"),
        ("ATTACH DATABASE ':memory:' AS other", "not authorized: SQLITE_AUTH"),
        ("SELECT ?1", "Incorrect number of bindings"),
    ],
)
def test_what_d1_refuses_is_refused_in_its_words(tmp_path: Path, sql: str, words: str) -> None:
    with pytest.raises(LoadRefused, match=words):
        loaded(tmp_path, sql)


def test_a_file_that_is_no_utf8_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UnicodeDecodeError):
        loaded(tmp_path, b"SELECT '\xff'")


def dumped(tmp_path: Path, sql: str, **options: Any) -> tuple[str, list[tuple[int, int]]]:
    file = tmp_path / "d1.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(sql)
    told: list[tuple[int, int]] = []
    to = io.BytesIO()
    d1_dump.dump(file, d1_dump.DumpOptions(**options), to, lambda done, of: told.append((done, of)))
    return to.getvalue().decode(), told


def test_a_dump_is_told_by_each_twenty_thousandth_row(tmp_path: Path) -> None:
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40001)"
    sql = f"CREATE TABLE t (a); CREATE TABLE u (a); INSERT INTO t {rows} SELECT i FROM n;"  # noqa: S608
    sql += "INSERT INTO u VALUES (1)"
    text, told = dumped(tmp_path, sql)
    assert told == [(20_000, 40_002), (40_000, 40_002)]
    assert text.count("INSERT INTO") == 40_002


SCHEMA = """
CREATE TABLE _cf_kv (key TEXT); CREATE TABLE "a ""t" (id INTEGER PRIMARY KEY AUTOINCREMENT,
b TEXT, c AS (b || 'x')); CREATE TABLE other (a); CREATE INDEX i ON other (a);
CREATE TRIGGER g AFTER INSERT ON other BEGIN SELECT 1; END;
INSERT INTO "a ""t" VALUES (7, 'it''s'); INSERT INTO other VALUES (NULL), (1.5), (x'00ff');
INSERT INTO other VALUES ('a' || char(0) || 'b');
"""
OTHER = [
    'INSERT INTO "other" ("a") VALUES(NULL);',
    'INSERT INTO "other" ("a") VALUES(1.5);',
    'INSERT INTO "other" ("a") VALUES(X\'00FF\');',
    'INSERT INTO "other" ("a") VALUES(CAST(X\'610062\' AS TEXT));',
]


def test_a_dump_holds_what_is_asked_for_and_nothing_of_d1s_own(tmp_path: Path) -> None:
    whole, _ = dumped(tmp_path, SCHEMA)
    assert "_cf_" not in whole
    assert whole.startswith("PRAGMA defer_foreign_keys=TRUE;\nCREATE TABLE")
    assert 'INSERT INTO "a ""t" ("id","b") VALUES(7,\'it\'\'s\');' in whole
    assert "INSERT INTO sqlite_sequence VALUES('a \"t',7);" in whole
    assert whole.index("CREATE INDEX") > whole.index(OTHER[-1])
    data, _ = dumped(tmp_path, "", no_schema=True, tables=["other"])
    assert data.splitlines() == ["PRAGMA defer_foreign_keys=TRUE;", *OTHER]
    schema, _ = dumped(tmp_path, "", no_data=True, tables=["other"])
    assert "INSERT" not in schema.replace("AFTER INSERT", "")
    assert all(word in schema for word in ("TABLE other", "CREATE INDEX", "CREATE TRIGGER"))
    assert 'a ""t' not in schema


def test_a_virtual_table_is_named_where_it_is_asked_for(tmp_path: Path) -> None:
    sql = "CREATE TABLE t (a); CREATE VIRTUAL TABLE f USING fts5(a);"
    with pytest.raises(d1_dump.VirtualTable, match=r"Virtual Tables \(fts5\)"):
        dumped(tmp_path, sql)
    assert "CREATE TABLE t" in dumped(tmp_path, "", tables=["t"])[0]
