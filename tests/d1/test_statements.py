"""Splitting SQL into statements."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d1.statements import StatementError, placeholders, refuse_lower_case_begin, split

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


def test_named_parameters_are_refused() -> None:
    with pytest.raises(StatementError, match=":name"):
        placeholders("SELECT :name")


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
