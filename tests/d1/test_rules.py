"""D1's limits and refusals on a connection of one's own."""

from __future__ import annotations

import sqlite3

import pytest

from d1 import rules


@pytest.fixture
def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE _cf_kv (key TEXT)")
    rules.restrict(connection)
    connection.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    connection.execute("CREATE TABLE notes (a TEXT, b REFERENCES parents (id))")
    return connection


AT_THE_LIMIT = {
    "columns": f"CREATE TABLE wide ({', '.join(f'c{at}' for at in range(100))})",
    "arguments": f"SELECT max({', '.join('1' * 32)})",
    "pattern": f"SELECT 'a' LIKE '{'a' * 50}'",
    "value": "SELECT zeroblob(2000000)",
    "full text": "CREATE VIRTUAL TABLE found USING FTS5(a)",
    "vocabulary": "CREATE VIRTUAL TABLE words USING fts5vocab(found, row)",
    "rectangles": "CREATE VIRTUAL TABLE r USING rtree(id, low, high)",
    "a name that begins like D1's": "CREATE TABLE cf_notes (a)",
    "the catalogue": "SELECT name FROM sqlite_master",
    "a table's columns": "SELECT name FROM pragma_table_xinfo('notes')",
    "a pragma in capitals": "PRAGMA Table_List",
    "put-off references": "PRAGMA defer_foreign_keys = TRUE",
}
BEYOND = {
    "columns": (
        f"CREATE TABLE wide ({', '.join(f'c{at}' for at in range(101))})",
        "too many columns on wide: SQLITE_ERROR",
    ),
    "arguments": (
        f"SELECT max({', '.join('1' * 33)})",
        "too many arguments on function max: SQLITE_ERROR",
    ),
    "pattern": (
        f"SELECT 'a' LIKE '{'a' * 51}'",
        "LIKE or GLOB pattern too complex: SQLITE_ERROR",
    ),
    "value": ("SELECT zeroblob(2000001)", "string or blob too big: SQLITE_TOOBIG"),
    "parameters": (
        "SELECT ?101",
        "variable number must be between ?1 and ?100: SQLITE_ERROR",
    ),
    "another file": ("ATTACH DATABASE ':memory:' AS other", "not authorized: SQLITE_AUTH"),
    "the file itself": ("DETACH DATABASE main", "not authorized: SQLITE_AUTH"),
    "a temporary table": ("CREATE TEMP TABLE t (a)", "not authorized: SQLITE_AUTH"),
    "a temporary view": ("CREATE TEMP VIEW v AS SELECT 1", "not authorized: SQLITE_AUTH"),
    "a temporary trigger": (
        "CREATE TEMP TRIGGER t AFTER INSERT ON notes BEGIN SELECT 1; END",
        "not authorized: SQLITE_AUTH",
    ),
    "reading an unsafe pragma": ("PRAGMA journal_mode", "not authorized: SQLITE_AUTH"),
    "reading a version of one's own": ("PRAGMA user_version", "not authorized: SQLITE_AUTH"),
    "an unsafe pragma": ("PRAGMA journal_mode = DELETE", "not authorized: SQLITE_AUTH"),
    "a page's size": ("PRAGMA page_size = 512", "not authorized: SQLITE_AUTH"),
    "a version of one's own": ("PRAGMA user_version = 3", "not authorized: SQLITE_AUTH"),
    "another module": ("CREATE VIRTUAL TABLE s USING dbstat", "not authorized: SQLITE_AUTH"),
    "a name of D1's": ("CREATE TABLE _cf_mine (a)", "not authorized: SQLITE_AUTH"),
    "a name of D1's in capitals": ("CREATE TABLE _CF_mine (a)", "not authorized: SQLITE_AUTH"),
    "an index of D1's": ("CREATE INDEX _cf_i ON notes (a)", "not authorized: SQLITE_AUTH"),
    "a row of D1's": (
        "SELECT key FROM _cf_kv",
        "access to _cf_kv.key is prohibited: SQLITE_AUTH",
    ),
    "a row that refers to nothing": (
        "INSERT INTO notes VALUES ('x', 1)",
        "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT",
    ),
    "a table that isn't there": ("SELECT 1 FROM missing", "no such table: missing: SQLITE_ERROR"),
}


def test_what_d1_takes_is_taken(database: sqlite3.Connection) -> None:
    for statement in AT_THE_LIMIT.values():
        database.execute(statement).fetchall()


@pytest.mark.parametrize("name", BEYOND)
def test_what_d1_refuses_is_refused_in_its_words(database: sqlite3.Connection, name: str) -> None:
    statement, words = BEYOND[name]
    with pytest.raises(sqlite3.Error) as refused:
        database.execute(statement, ()).fetchall()
    assert rules.worded(refused.value) == words


def test_a_warning_has_a_code_too() -> None:
    assert rules.worded(sqlite3.Warning("one at a time")) == "one at a time: SQLITE_ERROR"


@pytest.mark.parametrize("letter", ["x", "\u20ac", "\U0001f600"])
def test_a_statement_is_measured_in_bytes(letter: str) -> None:
    size = len(letter.encode())
    fits = letter * (100_000 // size) + "x" * (100_000 % size)
    assert not rules.is_too_long(fits)
    assert rules.is_too_long(fits + "x")
