"""Row counts and checksums of tables, by which two databases are compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from infra.migrations.d1 import Statement
from infra.migrations.schema import Queries, Table, quoted, read_tables, value_literal
from ops.database.d1_transfer import Told, untold

_MAX_PAGE_ROWS = 5000
_PAGE_BYTES = 5_000_000
"""What one answer may hold; D1 answers at most 50 MB (Cloudflare, D1, "Limits")."""

_MODULUS = 2**256


@dataclass(frozen=True)
class TableSum:
    """A table's content in two numbers.

    Attributes:
        rows: how many rows there are.
        sha256: the sum, modulo 2**256 in hexadecimal, of the SHA-256 of every row: the same
            whatever the order in which rows are read.
    """

    rows: int
    sha256: str

    @classmethod
    def of(cls, rows: Iterable[Sequence[str]]) -> TableSum:
        """Sum rows whose values are SQL literals."""
        count, total = 0, 0
        for row in rows:
            digest = hashlib.sha256("\x1f".join(row).encode("utf-8", "surrogatepass")).digest()
            total = (total + int.from_bytes(digest, "big")) % _MODULUS
            count += 1
        return cls(count, f"{total:064x}")

    def document(self) -> dict[str, object]:
        """As JSON."""
        return {"rows": self.rows, "sha256": self.sha256}


def sums(database: Queries, told: Told = untold) -> Mapping[str, TableSum]:
    """Sum every table, page by page; the database may be written meanwhile.

    Args:
        database: where the tables are.
        told: hears how many rows of how many are read.
    """
    total = sum(count_rows(database).values()) if told is not untold else 0
    read = 0

    def counting(rows: Iterator[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
        nonlocal read
        for row in rows:
            yield row
            read += 1
            if read % _MAX_PAGE_ROWS == 0:
                told(f"compared {read:,} of {max(total, read):,} rows")

    tables = read_tables(database, with_ledger=True)
    return {
        table.name: TableSum.of(counting(literal_rows(database, table)))
        for table in tables.values()
    }


def count_rows(database: Queries) -> Mapping[str, int]:
    """Count the rows of every table, by its name."""
    names = [table.name for table in read_tables(database, with_ledger=True).values()]
    counting = [Statement(f"SELECT count(*) AS n FROM {quoted(name)}") for name in names]  # noqa: S608
    found = database.batch(counting) if counting else []
    return {name: int(rows[0]["n"]) for name, rows in zip(names, found, strict=True)}


def literal_rows(
    database: Queries, table: Table, *, with_rowid: bool = False
) -> Iterator[tuple[str, ...]]:
    """Read a table's rows as SQL literals, in pages that an answer holds.

    Args:
        database: where the table is.
        table: which one.
        with_rowid: the rowid before the stored columns.
    """
    stored = [column.name for column in table.stored]
    if with_rowid:
        stored = [str(table.rowid), *stored]
    values = [f"{value_literal(name)} AS c{at}" for at, name in enumerate(stored)]
    keys = _paging_keys(table)
    marks = [f"{value_literal(name)} AS k{at}" for at, name in enumerate(keys)]
    size = _page_rows(database, table)
    named, after, offset = ", ".join(map(quoted, keys)), "", 0
    while True:
        where = f" WHERE ({named}) > ({after})" if after else ""
        skip = "" if table.rowid or table.primary_key else f" OFFSET {offset}"
        order = named or ", ".join(str(at + 1) for at in range(len(stored)))
        rows = database.batch(
            [
                Statement(
                    f"SELECT {', '.join([*values, *marks])} FROM {quoted(table.name)}"  # noqa: S608
                    f"{where} ORDER BY {order} LIMIT {size}{skip}"
                )
            ]
        )[0]
        for row in rows:
            yield tuple(str(row[f"c{at}"]) for at in range(len(stored)))
        if len(rows) < size:
            return
        after = ", ".join(str(rows[-1][f"k{at}"]) for at in range(len(keys)))
        offset += len(rows)


def _paging_keys(table: Table) -> tuple[str, ...]:
    """Return what orders rows without a tie: the rowid, or else the primary key."""
    if table.rowid:
        return (table.rowid,)
    return table.primary_key if not table.has_rowid else ()


def _page_rows(database: Queries, table: Table) -> int:
    lengths = " + ".join(f"ifnull(length({quoted(one.name)}), 4)" for one in table.stored)
    found = database.batch(
        [
            Statement(
                f"SELECT max({lengths or '1'}) AS n "  # noqa: S608  the schema's names
                f"FROM {quoted(table.name)}"
            )
        ]
    )[0][0]["n"]
    # A literal takes up to two letters for each byte, and up to four bytes for each letter.
    return max(1, min(_MAX_PAGE_ROWS, _PAGE_BYTES // (4 * int(found or 1))))
