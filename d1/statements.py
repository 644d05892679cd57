"""Splitting one string of SQL into its statements, as D1's query endpoints do."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator

_IGNORED = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?(?:\*/|\Z))+", re.DOTALL)
_TRIGGER = re.compile(r"CREATE\s+(?:TEMP\s+|TEMPORARY\s+)?TRIGGER\b", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z_]\w*")
_FIRST_WORD = re.compile(r"[A-Za-z]+")
_TRANSACTION_WORDS = {"BEGIN", "SAVEPOINT", "COMMIT", "END", "ROLLBACK", "RELEASE"}
# Up to the next semicolon that is in no quotes and no comment; nothing is read twice.
_PART = re.compile(
    r"(?>[^;'\"`\[/-]++|'[^']*+'|\"[^\"]*+\"|`[^`]*+`|\[[^\]]*+\]|--[^\n]*+"
    r"|/\*(?:[^*]|\*(?!/))*+\*/|-(?!-)|/(?!\*))*+;"
)
_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]"
    r"|(?P<mark>\?\d*|[:@$][A-Za-z_]\w*)",
    re.DOTALL,
)

# workerd refuses these in storage code, with this text.
TRANSACTION_REFUSED = (
    "To execute a transaction, please use the state.storage.transaction() or "
    "state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or SAVEPOINT "
    "statements. The JavaScript API is safer because it will automatically roll back on "
    "exceptions, and because it interacts correctly with Durable Objects' automatic atomic write "
    "coalescing."
)


class StatementError(ValueError):
    """The string holds something that D1 refuses; the text is for the caller."""


def split(sql: str) -> list[str]:
    """Return the statements of `sql` in order, without their semicolons and without empty ones.

    Raises:
        StatementError: as `statements`, and where nothing is left.
    """
    found = list(statements([sql]))
    if not found:
        raise StatementError("No SQL statements detected.")
    return found


def statements(texts: Iterable[str]) -> Iterator[str]:
    """Yield the statements of a text that comes in parts, each as soon as it is there.

    A semicolon ends a statement where SQLite itself says that the text so far is complete
    (https://sqlite.org/c3ref/complete.html), so quotes, comments and trigger bodies are safe.

    Raises:
        StatementError: for BEGIN, SAVEPOINT and their kin.
    """
    left = ""
    for text in texts:
        left += text
        start = 0
        while end := end_of_statement(left, start):
            yield from _kept(left[start : end - 1])
            start = end
        left = left[start:]
    yield from _kept(left)


def start_of_statement(text: str, at: int) -> int:
    """Return where the next statement begins, behind white space and comments."""
    ignored = _IGNORED.match(text, at)
    return ignored.end() if ignored else at


def end_of_statement(text: str, start: int) -> int:
    """Return where the statement at `start` ends, behind its semicolon; 0 where it isn't whole."""
    at = start
    while found := _PART.match(text, at):
        at = found.end()
        if sqlite3.complete_statement(text[start:at]):
            return at
    return 0


def _kept(statement: str) -> Iterator[str]:
    text = statement[start_of_statement(statement, 0) :].rstrip()
    first = _FIRST_WORD.match(text)
    if first and first.group().upper() in _TRANSACTION_WORDS:
        raise StatementError(TRANSACTION_REFUSED)
    if text:
        yield text


def refuse_lower_case_begin(statements: Iterable[str]) -> None:
    """Refuse a trigger whose body begins with `begin` in small letters, as D1's API does.

    Cloudflare's server splits at each semicolon unless it has seen `BEGIN`, and looks for that
    very spelling (cloudflare/workers-sdk, issues 10998 and 15314).

    Raises:
        StatementError: there is such a trigger.
    """
    for statement in statements:
        if not _TRIGGER.match(statement):
            continue
        words = _WORD.findall(_TOKEN.sub(" ", statement))
        begins = [word for word in words if word.upper() == "BEGIN"]
        if begins and not begins[0].isupper():
            raise StatementError("incomplete input: SQLITE_ERROR")


def placeholders(statement: str) -> int:
    """Return how many values a statement takes.

    Raises:
        StatementError: it has named ones; D1 knows only `?` and `?1`.
    """
    anonymous = 0
    highest = 0
    for found in _TOKEN.finditer(statement):
        mark = found.group("mark")
        if mark is None:
            continue
        if mark[0] != "?":
            raise StatementError(f"Named parameter {mark} isn't supported: use ? or ?1.")
        if mark == "?":
            anonymous += 1
        else:
            highest = max(highest, int(mark[1:]))
    return max(anonymous, highest)
