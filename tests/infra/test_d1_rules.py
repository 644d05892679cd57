"""What D1's API refuses of a statement, told with what to do instead."""

from __future__ import annotations

import pytest

from infra.migrations.contents import Loss
from infra.migrations.d1_rules import broken_rules
from infra.migrations.statement_form import StatementForm


def told(sql: str) -> list[str]:
    return list(broken_rules(sql, StatementForm.of(sql)))


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE a (id INTEGER)",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT (CASE WHEN 1 THEN 2 END); END",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT ((CASE WHEN 1 THEN (2) END)); END",
        # Without an end nothing is said of it here: SQLite refuses it.
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b;",
        "CREATE TRIGGER t AFTER INSERT ON a",
        "CREATE TABLE xcf_a (id INTEGER)",
        "PRAGMA defer_foreign_keys = on",
        "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'a'",
    ],
)
def test_what_d1_takes_breaks_no_rule(sql: str) -> None:
    assert told(sql) == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("CREATE TEMP TABLE a (id INTEGER)", "D1 has no temporary tables."),
        ("CREATE TABLE sqlite_a (id INTEGER)", "the name sqlite_a is reserved by SQLite or D1."),
        ("CREATE TABLE _cf_a (id INTEGER)", "the name _cf_a is reserved by SQLite or D1."),
        ("ALTER TABLE a RENAME TO _cf_b", "the name _cf_b is reserved"),
        ("DELETE FROM d1_migrations", "d1_migrations is the migrations' own table."),
        (
            "CREATE TRIGGER t AFTER INSERT ON a begin DELETE FROM b; end",
            "D1's API finds a trigger's body by BEGIN and END in upper case",
        ),
        (
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; End",
            "D1's API finds a trigger's body by BEGIN and END in upper case",
        ),
        (
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; END",
            (
                "D1's API takes the END of this CASE for the end of the trigger. Put the whole "
                "CASE … END into parentheses"
            ),
        ),
        (
            (
                "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT (1), ((2)), CASE WHEN 1 THEN 2 "
                "end; SELECT (CASE WHEN 1 THEN 2 END); END"
            ),
            "D1's API takes the END of this CASE for the end of the trigger.",
        ),
        (
            "CREATE TRIGGER t AFTER INSERT ON a Begin DELETE FROM b; END",
            "D1's API finds a trigger's body by BEGIN and END in upper case",
        ),
    ],
)
def test_what_d1_refuses_is_told_with_the_way_out(sql: str, said: str) -> None:
    (problem,) = told(sql)
    assert problem.startswith(said)


def test_a_triggers_body_is_written_out_in_upper_case() -> None:
    (problem,) = told("CREATE TRIGGER begin_of AFTER INSERT ON a begin DELETE FROM b; end")
    assert problem.endswith(
        "Write it so:\nCREATE TRIGGER begin_of AFTER INSERT ON a BEGIN DELETE FROM b; END"
    )


def test_a_statement_that_is_too_long_gets_no_other_advice() -> None:
    fits = "SELECT '" + "x" * (100_000 - 9) + "'"
    assert told(fits) == []
    (problem,) = told(f"CREATE TEMP TABLE a AS {fits}")
    assert problem.startswith(f"the statement has {len(fits) + 23} bytes, and D1 takes 100000.")


@pytest.mark.parametrize(
    ("name", "covers"),
    [("a.b", {"a.b", "a"}), ("a", {"a"}), ("a.constraints", {"a.constraints", "a"})],
)
def test_a_loss_is_covered_by_its_own_declaration_and_its_tables(
    name: str, covers: set[str]
) -> None:
    loss = Loss(name, "it is gone")
    assert loss.covers == covers
    assert str(loss) == f"{name} (it is gone)"
