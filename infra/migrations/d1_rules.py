"""What Cloudflare's D1 refuses or ignores although SQLite takes it.

Sources: Cloudflare, D1, "Limits" and "Define foreign keys" (every query runs in a transaction, in
which PRAGMA foreign_keys does nothing); workers-sdk issues 10998 and 15314 (the API that splits
statements finds a trigger's body by an upper-case BEGIN only) and 4326 (it ends the body at the
first END outside of parentheses).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from d1.rules import MAX_STATEMENT_BYTES, is_too_long
from infra.migrations.schema import is_internal, is_reserved
from infra.migrations.statement_form import Kind, StatementForm

_PARTS = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|(\w+)|([()])", re.S
)
_TEMPORARY = re.compile(r"\s*CREATE\s+(?:TEMP|TEMPORARY)\b", re.I)
_TRIGGER = re.compile(r"\s*CREATE\s+TRIGGER\b", re.I)
_DEPTH = {"(": 1, ")": -1}
_NO_EFFECT = {
    "foreign_keys": "D1 runs each migration in a transaction, in which it does nothing: foreign "
    "keys stay on, and DROP TABLE still deletes the rows of ON DELETE CASCADE children. Use "
    "PRAGMA defer_foreign_keys = TRUE, and rebuild the children with their parent",
    "legacy_alter_table": "it changes what RENAME does to other tables, and D1 may ignore it",
    "ignore_check_constraints": "it lets rows in that the schema forbids",
}


def broken_rules(sql: str, form: StatementForm) -> Iterator[str]:
    """Yield what is wrong with a statement, each with what to do instead."""
    if is_too_long(sql):
        yield (
            f"the statement has {len(sql.encode())} bytes, and D1 takes {MAX_STATEMENT_BYTES}. "
            "Split it into several"
        )
        return
    if _TEMPORARY.match(sql):
        yield "D1 has no temporary tables. Make an ordinary one and drop it at the end"
    if form.kind == Kind.PRAGMA and form.target in _NO_EFFECT:
        yield f"PRAGMA {form.target} has no place here: {_NO_EFFECT[form.target]}"
    names = {form.target, form.new_name} - {""}
    for name in sorted(names):
        if is_reserved(name) and form.kind != Kind.PRAGMA and name != "sqlite_sequence":
            yield f"the name {name} is reserved by SQLite or D1. Choose another one"
        elif is_internal(name) and name != "sqlite_sequence":
            yield f"{name} is the migrations' own table. Leave it alone"
    if _TRIGGER.match(sql):
        yield from _trigger_rules(sql)


def _trigger_rules(sql: str) -> Iterator[str]:
    words = [(found[1] or found[2], found.start()) for found in _PARTS.finditer(sql)]
    named = [(word, at) for word, at in words if word]
    begin = next((i for i, (word, _) in enumerate(named) if word.upper() == "BEGIN"), None)
    if begin is None:
        return
    body = named[begin:]
    ends = [i for i, (word, _) in enumerate(body) if word.upper() == "END"]
    if not ends:
        return
    (first, begins), (last, stops) = body[0], body[ends[-1]]
    if not (first.isupper() and last.isupper()):
        yield (
            "D1's API finds a trigger's body by BEGIN and END in upper case and would cut this "
            "one at its first semicolon. Write it so:\n"
            + _in_upper_case(sql, (begins, "BEGIN"), (stops, "END"))
        )
    depth = 0
    for word, _ in body[: ends[-1]]:
        if word in _DEPTH:
            depth += _DEPTH[word]
        elif word.upper() == "END" and not depth:
            yield (
                "D1's API takes the END of this CASE for the end of the trigger. Put the whole "
                "CASE … END into parentheses"
            )
            return


def _in_upper_case(sql: str, *words: tuple[int, str]) -> str:
    for at, word in words:
        sql = sql[:at] + word + sql[at + len(word) :]
    return sql
