"""Row counts and checksums of tables, by which two databases are compared."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from infra.migrations.d1 import Row
from ops.database.stack_database import StackDatabase
from ops.database.tables import TABLES, quoted, table_names
from ops.stacks.errors import OperationError

_COLUMNS = "SELECT name FROM pragma_table_xinfo('{table}') WHERE hidden = 0 ORDER BY cid"
_PAGE = 1000
_MODULUS = 2**256


@dataclass(frozen=True)
class TableSum:
    """A table's content in two figures.

    Attributes:
        rows: how many rows there are.
        sha256: the sum, modulo 2**256 in hexadecimal, of the SHA-256 of every row: the same
            whatever the order in which rows are read.
    """

    rows: int
    sha256: str

    @classmethod
    def of(cls, rows: Iterable[Sequence[str]]) -> TableSum:
        """Sum rows whose values are SQL literals, as SQLite's ``quote()`` writes them."""
        count, total = 0, 0
        for row in rows:
            digest = hashlib.sha256("\x1f".join(row).encode("utf-8", "surrogatepass")).digest()
            total = (total + int.from_bytes(digest, "big")) % _MODULUS
            count += 1
        return cls(count, f"{total:064x}")

    def document(self) -> dict[str, object]:
        """As JSON."""
        return {"rows": self.rows, "sha256": self.sha256}


def sums_of_dump(sql: bytes) -> Mapping[str, TableSum]:
    """Load a dump into a scratch database and sum every table of it.

    Raises:
        OperationError: the dump doesn't load.
    """
    scratch = sqlite3.connect(":memory:")
    try:
        scratch.executescript(sql.decode("utf-8"))
        tables = [str(name) for (name,) in scratch.execute(TABLES + "name")]
        return {table: _sum_in_scratch(scratch, table) for table in tables}
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise OperationError(
            f"The dump doesn't load into a scratch database ({type(error).__name__}): it is "
            "damaged, or not a dump. Take another one."
        ) from None
    finally:
        scratch.close()


def sums_of_live(database: StackDatabase) -> Mapping[str, TableSum]:
    """Sum every table of the deployed database, page by page; it may be written meanwhile."""
    return {table: TableSum.of(_live_rows(database, table)) for table in table_names(database)}


def _sum_in_scratch(scratch: sqlite3.Connection, table: str) -> TableSum:
    names = [str(name) for (name,) in scratch.execute(_COLUMNS.format(table=_literal(table)))]
    values = ", ".join(f"quote({quoted(name)})" for name in names)
    return TableSum.of(
        scratch.execute(f"SELECT {values} FROM {quoted(table)}")  # noqa: S608  the schema's names
    )


def _live_rows(database: StackDatabase, table: str) -> Iterator[Sequence[str]]:
    names = [str(row["name"]) for row in database.query(_COLUMNS.format(table=_literal(table)))]
    values = ", ".join(f"quote({quoted(name)}) AS c{at}" for at, name in enumerate(names))
    keyed = bool(
        database.query(
            "SELECT 1 AS found FROM sqlite_master WHERE name = ? AND sql LIKE '%WITHOUT ROWID%'",
            table,
        )
    )
    page = _by_position if keyed else _by_rowid
    for row in page(database, table, values):
        yield [str(row[f"c{at}"]) for at in range(len(names))]


def _by_rowid(database: StackDatabase, table: str, values: str) -> Iterator[Row]:
    sql = (
        f"SELECT rowid AS _row, {values} FROM {quoted(table)} "  # noqa: S608  the schema's names
        f"WHERE rowid > CAST(? AS INTEGER) ORDER BY rowid LIMIT {_PAGE}"
    )
    after = str(-(2**63))
    while rows := database.query(sql, after):
        yield from rows
        after = str(rows[-1]["_row"])


def _by_position(database: StackDatabase, table: str, values: str) -> Iterator[Row]:
    sql = (
        f"SELECT {values} FROM {quoted(table)} "  # noqa: S608  the schema's names
        f"ORDER BY 1, 2 LIMIT {_PAGE} OFFSET CAST(? AS INTEGER)"
    )
    at = 0
    while rows := database.query(sql, str(at)):
        yield from rows
        at += len(rows)


def _literal(text: str) -> str:
    return text.replace("'", "''")
