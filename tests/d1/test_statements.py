"""Splitting SQL into statements."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d1.statements import (
    StatementError,
    end_of_statement,
    placeholders,
    refuse_lower_case_begin,
    split,
    start_of_statement,
    statements,
)

TRIGGER = "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; DELETE FROM u; END"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;", ["SELECT 1"]),
        ("SELECT ';'; SELECT \";\"", ["SELECT ';'", 'SELECT ";"']),
        ("SELECT `;`, [;]; SELECT 2", ["SELECT `;`, [;]", "SELECT 2"]),
        ("-- a; b\nSELECT 1; /* ; */", ["SELECT 1"]),
        (f"{TRIGGER}; SELECT 2", [TRIGGER, "SELECT 2"]),
        ("SELECT 'it''s; fine';;; SELECT 2", ["SELECT 'it''s; fine'", "SELECT 2"]),
        ("SELECT CASE WHEN 1 THEN 2 END; SELECT 3", ["SELECT CASE WHEN 1 THEN 2 END", "SELECT 3"]),
    ],
)
def test_statements_end_where_sqlite_says_so(sql: str, expected: list[str]) -> None:
    assert split(sql) == expected


@pytest.mark.parametrize("word", ["BEGIN", "savepoint x", "Commit", "END", "ROLLBACK", "RELEASE x"])
def test_words_of_transactions_are_refused_at_the_beginning_only(word: str) -> None:
    with pytest.raises(StatementError):
        split(f"-- first\n {word}")
    assert split(f"SELECT '{word}'") == [f"SELECT '{word}'"]


@given(st.lists(st.text(alphabet="ab ;'\"-/*\n", max_size=12), min_size=1, max_size=4))
def test_any_values_in_quotes_stay_whole(values: list[str]) -> None:
    statements = ["SELECT '" + value.replace("'", "''") + "'" for value in values]
    assert split(";\n".join(statements)) == statements
    connection = sqlite3.connect(":memory:")
    assert [connection.execute(part).fetchone()[0] for part in split("; ".join(statements))] == (
        values
    )


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("SELECT 1", 0),
        ("SELECT ?, ?", 2),
        ("SELECT ?2, ?1", 2),
        ("SELECT ?3, ?, ?12", 12),
        ("SELECT '?', \"?\", ?, [?] -- ?\n /* ? */", 1),
    ],
)
def test_placeholders_are_counted_outside_of_quotes_and_comments(sql: str, count: int) -> None:
    assert placeholders(sql) == count


@pytest.mark.parametrize("mark", [":name", "@name", "$name"])
def test_named_parameters_are_refused(mark: str) -> None:
    with pytest.raises(StatementError) as refused:
        placeholders(f"SELECT ?, {mark}")
    assert str(refused.value) == f"Named parameter {mark} isn't supported: use ? or ?1."


@pytest.mark.parametrize("sql", ["", " \n", ";;", "-- nothing\n/* at all */ ;"])
def test_a_text_without_a_statement_is_refused(sql: str) -> None:
    with pytest.raises(StatementError) as refused:
        split(sql)
    assert str(refused.value) == "No SQL statements detected."


@pytest.mark.parametrize("size", [1, 2, 7, 1_000])
def test_a_text_in_parts_gives_the_same_statements(size: int) -> None:
    sql = f"SELECT 'a;b'; {TRIGGER};\n-- c;\nSELECT 2; SELECT 3"
    parts = [sql[at : at + size] for at in range(0, len(sql), size)]
    assert list(statements(parts)) == ["SELECT 'a;b'", TRIGGER, "SELECT 2", "SELECT 3"]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [("SELECT 1; SELECT 2", 0, 9), ("SELECT 1; SELECT 2", 9, 0), (TRIGGER, 0, 0), (";", 0, 1)],
)
def test_a_statement_ends_behind_its_semicolon(text: str, start: int, end: int) -> None:
    assert end_of_statement(text, start) == end


@pytest.mark.parametrize(
    ("text", "at", "start"),
    [("SELECT 1", 0, 0), ("  SELECT 1", 0, 2), ("a; -- b\n /* c */ d", 2, 17), ("a;", 2, 2)],
)
def test_a_statement_begins_behind_white_space_and_comments(text: str, at: int, start: int) -> None:
    assert start_of_statement(text, at) == start


@pytest.mark.parametrize(
    "statement",
    [
        TRIGGER.replace("BEGIN", "begin"),
        TRIGGER.replace("BEGIN", "Begin"),
        TRIGGER.replace("CREATE TRIGGER", "create temporary trigger").replace("BEGIN", "begin"),
        TRIGGER.replace("BEGIN", "/* BEGIN */ begin"),
        TRIGGER.replace("BEGIN", "begin").replace("1", "BEGIN"),
    ],
)
def test_a_trigger_with_begin_in_small_letters_is_refused(statement: str) -> None:
    with pytest.raises(StatementError, match=r"^incomplete input: SQLITE_ERROR$"):
        refuse_lower_case_begin(["CREATE TABLE t (a)", statement])


@pytest.mark.parametrize(
    "statement",
    [
        TRIGGER,
        TRIGGER.replace("1", "begin"),
        TRIGGER.replace("t BEGIN", '"begin" BEGIN'),
        TRIGGER.replace(" BEGIN", " WHEN 'begin' BEGIN"),
        "SELECT 1 AS begin",
        "CREATE TRIGGER",
    ],
)
def test_what_else_says_begin_is_no_such_trigger(statement: str) -> None:
    refuse_lower_case_begin([statement])
