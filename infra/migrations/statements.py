"""Splitting a migration's SQL into statements, as SQLite itself delimits them."""

import re
import sqlite3

_COMMENT = re.compile(r"\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/", re.DOTALL)
_TRANSACTION = re.compile(
    r"(begin|commit|end|rollback|savepoint|release|attach|detach|vacuum)\b", re.I
)


class StatementError(ValueError):
    """SQL that can't be one atomic step; the message has the statement's number, never its text."""


def split_statements(sql: str) -> tuple[str, ...]:
    """Return the statements of `sql` in order, without the comments before them.

    A semicolon inside a string, a comment or a trigger's body ends nothing (SQLite's own
    `sqlite3_complete` decides). Raise StatementError for an unfinished last statement and for
    statements that D1 refuses because each file is one transaction already.
    """
    found: list[str] = []
    rest = _without_leading_comments(sql)
    while rest:
        end = -1
        while (end := rest.find(";", end + 1)) >= 0:
            if sqlite3.complete_statement(rest[: end + 1]):
                break
        if end < 0:
            raise StatementError(f"statement {len(found) + 1} doesn't end with a semicolon")
        statement = rest[: end + 1]
        if _TRANSACTION.match(statement):
            raise StatementError(
                f"statement {len(found) + 1} is transaction control or a whole-file command: "
                "a migration is one transaction already"
            )
        if statement != ";":
            found.append(statement)
        rest = _without_leading_comments(rest[end + 1 :])
    return tuple(found)


def _without_leading_comments(sql: str) -> str:
    while match := _COMMENT.match(sql):
        sql = sql[match.end() :]
    return sql
