"""A database as one text of SQL that D1 takes back by its import.

D1's own export is read for its rows, as of one moment, and written anew: it leaves out views and
triggers, ends a text at its first NUL, doesn't order tables by their references, and writes a long
value into one statement, which D1 refuses (at most 100 kB; Cloudflare, D1, "Limits"). Databases
with virtual tables can't be exported at all ("Import and export data"): their rows are read by
queries.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from d1.statements import StatementError, statements
from infra.migrations.d1 import Row, Statement
from infra.migrations.schema import (
    Queries,
    SchemaObject,
    Table,
    plain_sql,
    quoted,
    read_objects,
    read_tables,
    text_literal,
)
from ops.database.d1_transfer import Told, progress, untold
from ops.database.table_sum import count_rows, literal_rows
from ops.database.tables import by_reference
from ops.stacks.errors import VerificationFailed

MAX_STATEMENT = 90_000
"""Letters of a statement; D1 takes 100,000 bytes, and everything but ASCII is written as hex."""

_MAX_ROWS = 50
"""Rows of one statement. D1's SQLite judges a statement once, and more rows gain nothing."""

_PIECE = 60_000
_CHUNK = 1 << 20
_TOLD_EVERY = 5000
_PIECES = "d1_restore_pieces"
_KEPT_MODULES = ("fts5", "rtree", "rtree_i32")
_MODULE = re.compile(r"using ([a-z0-9_]+)")
_CONTENT = re.compile(r"\bcontent\s*=\s*('[^']*'|\"[^\"]*\"|[^,)\s]*)")
_HEX = re.compile(r"(?:CAST\()?X'([0-9A-F]*)'(?: AS TEXT\))?", re.I)

_Counting = Callable[[Iterator[tuple[str, ...]]], Iterator[tuple[str, ...]]]
"""Gives the rows that it gets, and counts them."""


class LocalQueries:
    """A connection of SQLite's own as a database to ask, without D1's rules."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.row_factory = sqlite3.Row

    def batch(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run the statements and return each one's rows."""
        results: list[list[Row]] = []
        for one in statements:
            rows = self._connection.execute(one.sql, one.params).fetchall()
            results.append([dict(zip(row.keys(), row, strict=True)) for row in rows])
        return results


@contextmanager
def exported_rows(export: Path, live: Queries, told: Told = untold) -> Iterator[Queries | None]:
    """Give the rows of an export of D1's, in a file beside it that is gone afterwards.

    None where the export doesn't hold what the database has, or doesn't load: then the rows have to
    be read by queries.
    """
    file = export.with_suffix(".sqlite")
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as copy:
            yield LocalQueries(copy) if _is_whole(copy, export, live, told) else None
    finally:
        file.unlink(missing_ok=True)


def _is_whole(copy: sqlite3.Connection, export: Path, live: Queries, told: Told) -> bool:
    try:
        run_file(copy, export, told)
    except (sqlite3.Error, StatementError, UnicodeDecodeError):
        return False
    rows = LocalQueries(copy)
    there = {one.key for one in read_objects(rows, with_ledger=True)}
    wanted = read_objects(live, with_ledger=True)
    if any(one.kind == "table" and one.key not in there for one in wanted):
        return False
    return _nul_texts(rows) >= _nul_texts(live)


def run_file(connection: sqlite3.Connection, sql: Path, told: Told = untold) -> None:
    """Run a file of SQL in an empty database, as one transaction.

    Raises:
        sqlite3.Error: a statement failed.
        StatementError: a statement is one that no dump has.
        UnicodeDecodeError: the file isn't UTF-8 text.
    """
    size = sql.stat().st_size
    # What fails is thrown away: nothing has to be written twice.
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    with sql.open(encoding="utf-8", newline="") as text:

        def chunks() -> Iterator[str]:
            read = 0
            while chunk := text.read(_CHUNK):
                read += len(chunk)
                told(f"loaded {progress(read, size)}")
                yield chunk

        connection.execute("BEGIN")
        for statement in statements(chunks()):
            connection.execute(statement)
        connection.execute("COMMIT")


def write_dump(
    rows: Queries, objects: Sequence[SchemaObject], to: Path, told: Told = untold
) -> None:
    """Write `dumped` into a file; ``told`` hears how many rows of how many it has."""
    total = sum(count_rows(rows).values())
    written = 0

    def counting(read: Iterator[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
        nonlocal written
        for row in read:
            yield row
            written += 1
            if written % _TOLD_EVERY == 0:
                told(f"wrote {written:,} of {max(total, written):,} rows")

    with to.open("w", encoding="utf-8", newline="") as file:
        file.writelines(dumped(rows, objects, counting))


def dumped(
    rows: Queries, objects: Sequence[SchemaObject], counting: _Counting = iter
) -> Iterator[str]:
    """Give a database's schema and rows as statements that D1 takes, each ended by a line.

    Args:
        rows: where the tables and their rows are read.
        objects: everything that the database has, in the order of its making.
        counting: gets the rows of each table, and gives them on.

    Raises:
        VerificationFailed: a table can't be kept; the message names it and says why.
    """
    refuse_unkept(objects)
    for statement in _statements(rows, objects, counting):
        yield f"{statement};\n"


def refuse_unkept(objects: Sequence[SchemaObject]) -> None:
    """Raise VerificationFailed for tables that no dump can hold, with their names."""
    for found in objects:
        if not found.is_virtual:
            continue
        plain = plain_sql(found.sql)
        module = _MODULE.search(plain)
        if module is None or module[1] not in _KEPT_MODULES:
            name = module[1] if module else "?"
            raise VerificationFailed(
                f"The virtual table {found.name} is kept by the module {name}, whose rows a backup "
                "can't hold. Drop it before the backup, and make it again afterwards."
            )
        content = _CONTENT.search(plain)
        if content is not None and content[1] in ("''", '""', ""):
            raise VerificationFailed(
                f"The full-text table {found.name} keeps no text (content=''), so that a backup "
                "can't hold it. Drop it before the backup, and build it again afterwards."
            )


def _statements(
    rows: Queries, objects: Sequence[SchemaObject], counting: _Counting
) -> Iterator[str]:
    tables = read_tables(rows, with_ledger=True)
    ordered = by_reference(tables)
    yield "PRAGMA defer_foreign_keys=TRUE"
    yield f"CREATE TABLE {_PIECES} (value INTEGER, at INTEGER, piece TEXT)"
    yield from (table.sql for table in ordered if not table.is_virtual)
    for table in ordered:
        if not table.is_virtual:
            yield from _inserts(rows, table, counting)
    for table in ordered:
        if table.is_virtual:
            yield table.sql
            yield from _virtual_rows(rows, table, counting)
    yield from _counters(rows, ordered)
    yield f"DROP TABLE {_PIECES}"
    for kind in ("index", "view", "trigger"):
        yield from (found.sql for found in objects if found.kind == kind)


def _virtual_rows(rows: Queries, table: Table, counting: _Counting) -> Iterator[str]:
    if _CONTENT.search(plain_sql(table.sql)) is None:
        yield from _inserts(rows, table, counting)
        return
    # Its text is another table's, which is there already.
    name = quoted(table.name)
    yield f"INSERT INTO {name} ({name}) VALUES ('rebuild')"  # noqa: S608  the schema's name


def _inserts(rows: Queries, table: Table, counting: _Counting) -> Iterator[str]:
    names = [quoted(column.name) for column in table.stored]
    keyed = table.rowid is not None and not _has_named_rowid(table)
    if keyed:
        names = [str(table.rowid), *names]
    head = f"INSERT INTO {quoted(table.name)} ({', '.join(names)}) VALUES "  # noqa: S608
    together: list[str] = []
    length = len(head)
    for values in counting(literal_rows(rows, table, with_rowid=keyed)):
        kept = [value if value.isascii() else _as_hex(value) for value in values]
        row = f"({', '.join(kept)})"
        if together and (len(together) == _MAX_ROWS or length + len(row) > MAX_STATEMENT):
            yield head + ", ".join(together)
            together, length = [], len(head)
        if length + len(row) > MAX_STATEMENT:
            yield from _pieced(head, kept)
        else:
            together.append(row)
            length += len(row) + 2
    if together:
        yield head + ", ".join(together)


def _has_named_rowid(table: Table) -> bool:
    """Whether a column is the rowid itself: an INTEGER PRIMARY KEY, or the id of an R*Tree."""
    if table.is_virtual:
        return "fts5" not in plain_sql(table.sql)
    keys = [column for column in table.columns if column.key]
    return len(keys) == 1 and keys[0].type.upper() == "INTEGER"


def _pieced(head: str, values: list[str]) -> Iterator[str]:
    """Give the statements of a row that is too long for one: its values are built from pieces."""
    pieces: list[str] = []
    number = 0
    while len(head) + sum(map(len, values)) + 2 * len(values) > MAX_STATEMENT:
        at = max(range(len(values)), key=lambda position: len(values[position]))
        found = _HEX.fullmatch(values[at] if values[at][:1] in "XxCc" else _as_hex(values[at]))
        if found is None:
            break
        kind = "BLOB" if values[at][:1] in "Xx" else "TEXT"
        content = found[1]
        pieces += [
            f"INSERT INTO {_PIECES} VALUES ({number}, {start}, "  # noqa: S608  hexadecimal digits
            f"X'{content[start : start + _PIECE]}')"
            for start in range(0, len(content), _PIECE)
        ]
        values[at] = (
            f"(SELECT CAST(group_concat(piece, '') AS {kind}) FROM "  # noqa: S608  a number
            f"(SELECT piece FROM {_PIECES} WHERE value = {number} ORDER BY at))"
        )
        number += 1
    yield from pieces
    yield f"{head}({', '.join(values)})"
    if pieces:
        yield f"DELETE FROM {_PIECES}"  # noqa: S608  a name of this module


def _as_hex(literal: str) -> str:
    """Return a text's literal in hexadecimal digits: no letter of several bytes, no NUL."""
    if literal[:1] != "'":
        return literal
    text = literal[1:-1].replace("''", "'")
    return f"CAST(X'{text.encode('utf-8', 'surrogatepass').hex().upper()}' AS TEXT)"


def _counters(rows: Queries, tables: Sequence[Table]) -> Iterator[str]:
    """Return the highest keys that AUTOINCREMENT remembers."""
    counting = {table.key: table.name for table in tables if table.counts_up}
    if not counting:
        return
    found = rows.batch([Statement("SELECT name, seq FROM sqlite_sequence ORDER BY name")])[0]
    for row in found:
        name = counting.get(str(row["name"]).lower())
        if name is not None:
            literal = text_literal(name)
            yield f"DELETE FROM sqlite_sequence WHERE name = {literal}"  # noqa: S608  escaped
            values = f"({literal}, {int(row['seq'])})"
            yield f"INSERT INTO sqlite_sequence (name, seq) VALUES {values}"  # noqa: S608  escaped


def _nul_texts(database: Queries) -> int:
    """How many texts of the database have a NUL in them."""
    selections = [
        Statement(
            "SELECT "  # noqa: S608  the schema's names
            + " + ".join(
                f"ifnull(sum(typeof({quoted(one.name)}) = 'text' "
                f"AND instr({quoted(one.name)}, char(0)) > 0), 0)"
                for one in table.stored
            )
            + f" AS n FROM {quoted(table.name)}"
        )
        for table in read_tables(database, with_ledger=True).values()
        if table.stored
    ]
    return sum(int(rows[0]["n"]) for rows in database.batch(selections)) if selections else 0
