"""What one SQL statement of a migration is and what it names.

The head of a DDL statement is read from sqlglot's tokens, and UPDATE, DELETE and INSERT from its
syntax tree; what it can't read is of the kind UNKNOWN and counts as touching everything.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token

_DIALECT = "sqlite"
_REPLACE = re.compile(r"\s*REPLACE\b", re.I)

# What sqlglot can't read becomes UNKNOWN here, and is told as such.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


class Kind(Enum):
    """Kinds of statement, by what they can do to data."""

    CREATE_TABLE = "CREATE TABLE"
    CREATE_TRIGGER = "CREATE TRIGGER"
    CREATE_OTHER = "CREATE"
    DROP_TABLE = "DROP TABLE"
    DROP_OTHER = "DROP"
    ADD_COLUMN = "ADD COLUMN"
    DROP_COLUMN = "DROP COLUMN"
    RENAME_TABLE = "RENAME TABLE"
    RENAME_COLUMN = "RENAME COLUMN"
    INSERT = "INSERT"
    REPLACE = "REPLACE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    PRAGMA = "PRAGMA"
    QUERY = "SELECT"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class StatementForm:
    """The form of a statement; all names are in small letters, as SQLite compares them.

    Attributes:
        kind: what it does.
        target: the table that it works on, or the object that it makes or drops.
        columns: the columns that it adds, drops, renames or sets.
        new_name: what a RENAME leads to.
        has_where: whether an UPDATE or DELETE is limited to some rows.
    """

    kind: Kind
    target: str = ""
    columns: tuple[str, ...] = ()
    new_name: str = ""
    has_where: bool = False

    @classmethod
    def of(cls, sql: str) -> StatementForm:
        """Read a statement."""
        if _REPLACE.match(sql):
            return _manipulation(f"INSERT OR {sql}")
        try:
            tokens = sqlglot.tokenize(sql, read=_DIALECT)
        except SqlglotError:
            return cls(Kind.UNKNOWN)
        words = [token.text.upper() for token in tokens[:8]]
        match words:
            case ["CREATE" | "DROP" | "ALTER", *_]:
                return _definition(words[0], tokens)
            case ["PRAGMA", *_]:
                return cls(Kind.PRAGMA, target=_name([token.text for token in tokens], 1)[0])
            case ["SELECT" | "VALUES" | "EXPLAIN", *_]:
                return cls(Kind.QUERY)
            case ["UPDATE", "OR", conflict, *_]:
                found = _manipulation(f"UPDATE {sql[tokens[3].start :]}")
                return _replacing(found) if conflict == "REPLACE" else found
        return _manipulation(sql)


def _definition(verb: str, tokens: Sequence[Token]) -> StatementForm:
    names = [token.text for token in tokens]
    upper = [name.upper() for name in names]
    if verb == "ALTER":
        return _alteration(names, upper)
    kinds = ("TABLE", "INDEX", "VIEW", "TRIGGER")
    at = next((i for i, word in enumerate(upper[:5]) if word in kinds), None)
    if at is None:
        return StatementForm(Kind.UNKNOWN)
    is_table, is_trigger = upper[at] == "TABLE", upper[at] == "TRIGGER"
    at += 1
    while at < len(upper) and upper[at] in ("IF", "NOT", "EXISTS"):
        at += 1
    target = _name(names, at)[0]
    if verb == "DROP":
        return StatementForm(Kind.DROP_TABLE if is_table else Kind.DROP_OTHER, target)
    made = Kind.CREATE_TRIGGER if is_trigger else Kind.CREATE_OTHER
    return StatementForm(Kind.CREATE_TABLE if is_table else made, target)


def _alteration(names: Sequence[str], upper: Sequence[str]) -> StatementForm:
    if upper[1:2] != ["TABLE"]:
        return StatementForm(Kind.UNKNOWN)
    table, at = _name(names, 2)
    rest, words = names[at:], upper[at:]
    match words:
        case ["RENAME", "TO", _, *_]:
            return StatementForm(Kind.RENAME_TABLE, table, new_name=rest[2].lower())
        case ["RENAME", "COLUMN", _, "TO", _, *_]:
            return StatementForm(
                Kind.RENAME_COLUMN, table, (rest[2].lower(),), new_name=rest[4].lower()
            )
        case ["RENAME", _, "TO", _, *_]:
            return StatementForm(
                Kind.RENAME_COLUMN, table, (rest[1].lower(),), new_name=rest[3].lower()
            )
        case ["ADD" | "DROP", _, *_]:
            kind = Kind.ADD_COLUMN if words[0] == "ADD" else Kind.DROP_COLUMN
            # A column may itself be called "column".
            named = 2 if words[1] == "COLUMN" and len(words) > 2 and words[2] != ";" else 1
            return StatementForm(kind, table, (rest[named].lower(),))
    return StatementForm(Kind.UNKNOWN, table)


def _name(names: Sequence[str], at: int) -> tuple[str, int]:
    """Return a name, without the schema before it, and where what follows it begins."""
    if at + 2 < len(names) and names[at + 1] == ".":
        return names[at + 2].lower(), at + 3
    return (names[at].lower() if at < len(names) else ""), at + 1


def _manipulation(sql: str) -> StatementForm:
    try:
        tree = sqlglot.parse_one(sql, read=_DIALECT)
    except SqlglotError:
        return StatementForm(Kind.UNKNOWN)
    match tree:
        case exp.Update():
            columns = tuple(_columns(tree.expressions))
            return StatementForm(
                Kind.UPDATE, _table(tree), columns, has_where=tree.args.get("where") is not None
            )
        case exp.Delete():
            return StatementForm(
                Kind.DELETE, _table(tree), has_where=tree.args.get("where") is not None
            )
        case exp.Insert():
            found = StatementForm(Kind.INSERT, _table(tree))
            if str(tree.args.get("alternative") or "").upper() == "REPLACE":
                return _replacing(found)
            conflict = tree.args.get("conflict")
            if conflict is not None and conflict.expressions:
                return StatementForm(
                    Kind.UPDATE, found.target, tuple(_columns(conflict.expressions)), has_where=True
                )
            return found
        case exp.Select() | exp.SetOperation():
            return StatementForm(Kind.QUERY)
    return StatementForm(Kind.UNKNOWN)


def _replacing(form: StatementForm) -> StatementForm:
    return StatementForm(Kind.REPLACE, form.target, form.columns, has_where=form.has_where)


def _table(tree: exp.Expression) -> str:
    found = tree.this if isinstance(tree.this, exp.Table) else tree.this.find(exp.Table)
    return str(found.name).lower() if found is not None else ""


def _columns(settings: Sequence[exp.Expression]) -> list[str]:
    """Return the columns on the left sides of `a = 1` and `(a, b) = (1, 2)`."""
    return [
        str(column.name).lower()
        for setting in settings
        for column in (setting.this.find_all(exp.Column, exp.Identifier) if setting.this else ())
        if isinstance(column, exp.Column)
        or not isinstance(column.parent, (exp.Column, exp.TableAlias))
    ]
