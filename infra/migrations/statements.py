"""Splitting a migration's SQL into statements, as SQLite itself delimits them."""

import re
from dataclasses import dataclass

from d1.statements import end_of_statement, start_of_statement

_TRANSACTION = re.compile(
    r"(begin|commit|end|rollback|savepoint|release|attach|detach|vacuum)\b", re.I
)


class StatementError(ValueError):
    """SQL that can't be one atomic step; the message has the statement's number, never its text."""


@dataclass(frozen=True)
class LocatedStatement:
    """One statement, its semicolon included. `line` is where it begins in its file, from 1."""

    sql: str
    line: int


def split_statements(sql: str) -> tuple[str, ...]:
    """Return the statements of `sql` in order, without the comments before them.

    Raises:
        StatementError: see `locate_statements`.
    """
    return tuple(statement.sql for statement in locate_statements(sql))


def locate_statements(sql: str) -> tuple[LocatedStatement, ...]:
    """Return the statements of `sql` in order, with the lines that they begin at.

    A semicolon inside a string, a comment or a trigger's body ends nothing (SQLite's own
    `sqlite3_complete` decides).

    Raises:
        StatementError: the last statement isn't finished, or D1 refuses one because each file is
            one transaction already.
    """
    found: list[LocatedStatement] = []
    line, end = 1, 0
    while (start := start_of_statement(sql, end)) < len(sql):
        line += sql.count("\n", end, start)
        end = end_of_statement(sql, start)
        if not end:
            raise StatementError(f"statement {len(found) + 1} doesn't end with a semicolon")
        statement = sql[start:end]
        if _TRANSACTION.match(statement):
            raise StatementError(
                f"statement {len(found) + 1} is transaction control or a whole-file command: "
                "a migration is one transaction already"
            )
        if statement != ";":
            found.append(LocatedStatement(statement, line))
        line += statement.count("\n")
    return tuple(found)
