"""A D1 database's file as SQL text, read row by row.

The file is read by SQLite beside workerd, which alone writes it: a read transaction sees the
database as of one moment, and hinders nobody. So a database of any size takes a few megabytes.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_DEFER = b"PRAGMA defer_foreign_keys=TRUE"
OWN_NAME = "lower(substr({0}, 1, 7)) <> 'sqlite_' AND lower(substr({0}, 1, 4)) <> '_cf_'"
"""SQL with a name for {0}: it is neither SQLite's nor D1's own. In LIKE `_` would be a wildcard."""
_OBJECTS = (
    "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL "  # noqa: S608
    f"AND {OWN_NAME.format('name')} ORDER BY CASE type WHEN 'table' THEN 0 ELSE 1 END, rowid"
)
# Hidden and generated columns can't be inserted: table_xinfo tells them by a `hidden` above 0.
_COLUMNS = (
    "SELECT m.name AS tbl, c.name AS col "  # noqa: S608
    "FROM sqlite_master m, pragma_table_xinfo(m.name) c "
    f"WHERE m.type = 'table' AND {OWN_NAME.format('m.name')} "
    "AND c.hidden = 0 ORDER BY m.rowid, c.cid"
)
_SEQUENCES = "SELECT name, seq FROM sqlite_sequence ORDER BY name"
_VIRTUAL = re.compile(
    rb"CREATE\s+VIRTUAL\s+TABLE\b.*?\bUSING\s+(?P<module>\w+)", re.IGNORECASE | re.DOTALL
)
_TOLD_EVERY = 20_000


class VirtualTable(Exception):
    """What is asked for has a virtual table; the text is that of D1's export.

    Source: Cloudflare, D1, "Import and export data", known limitations.
    """

    def __init__(self, module: str) -> None:
        super().__init__(f"cannot export databases with Virtual Tables ({module})")


@dataclass(frozen=True)
class DumpOptions:
    """What a dump leaves out, as D1's `dump_options` say; no `tables` means all of them."""

    no_data: bool = False
    no_schema: bool = False
    tables: Collection[str] = ()


@dataclass(frozen=True)
class _Object:
    """A row of the schema."""

    kind: str
    name: str
    table: str
    sql: bytes


def dump(file: Path, options: DumpOptions, to: IO[bytes], told: Callable[[int, int], None]) -> None:
    """Write the whole database as of one moment; `told` hears how many rows of how many it has.

    Raises VirtualTable.
    """
    with reading(file) as connection:
        connection.execute("BEGIN")
        for statement in _statements(connection, options, told):
            to.write(statement)
            to.write(b";\n")


def reading(file: Path) -> closing[sqlite3.Connection]:
    """A connection that reads a database's file, and no text as anything but bytes."""
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, isolation_level=None)
    connection.text_factory = bytes
    return closing(connection)


def copy(file: Path, to: Path) -> None:
    """Copy a database's file as of one moment, whoever writes it meanwhile."""
    with reading(file) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def quoted(name: str) -> str:
    """A name as SQLite reads it whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def _statements(
    connection: sqlite3.Connection, options: DumpOptions, told: Callable[[int, int], None]
) -> Iterator[bytes]:
    """Tables, then their rows, then what hangs on them: so an index is built once.

    A row needs the table that it refers to, which may be a younger one.
    """
    objects = [
        _Object(kind.decode(), name.decode(), table.decode(), sql)
        for kind, name, table, sql in connection.execute(_OBJECTS)
    ]
    columns = _columns(connection, options)
    tables = [one for one in objects if one.kind == "table" and one.name in columns]
    for found in tables:
        if virtual := _VIRTUAL.match(found.sql):
            raise VirtualTable(virtual["module"].decode())
    yield _DEFER
    if not options.no_schema:
        yield from (found.sql for found in tables)
    if not options.no_data:
        yield from _rows(connection, tables, columns, told)
        if any(b"AUTOINCREMENT" in found.sql.upper() for found in objects):
            yield from _sequences(connection, columns)
    if not options.no_schema:
        for found in objects:
            if found.kind != "table" and (found.table in columns or not options.tables):
                yield found.sql


def _columns(connection: sqlite3.Connection, options: DumpOptions) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {}
    for table, column in connection.execute(_COLUMNS):
        if not options.tables or table.decode() in options.tables:
            columns.setdefault(table.decode(), []).append(column.decode())
    return columns


def _rows(
    connection: sqlite3.Connection,
    tables: Sequence[_Object],
    columns: Mapping[str, Sequence[str]],
    told: Callable[[int, int], None],
) -> Iterator[bytes]:
    written, total = 0, 0
    for found in tables:
        counted = f"SELECT count(*) FROM {quoted(found.name)}"  # noqa: S608  a name of the schema
        total += connection.execute(counted).fetchone()[0]
    for found in tables:
        names = ",".join(map(quoted, columns[found.name]))
        head = f"INSERT INTO {quoted(found.name)} ({names}) VALUES(".encode()
        # SQLite itself writes each value as a literal: none changes its type or a digit.
        values = ", ".join(_literal(quoted(name)) for name in columns[found.name])
        for row in connection.execute(f"SELECT {values} FROM {quoted(found.name)}"):  # noqa: S608
            yield head + b",".join(row) + b")"
            written += 1
            if written % _TOLD_EVERY == 0:
                told(written, total)


def _sequences(
    connection: sqlite3.Connection, columns: Mapping[str, Sequence[str]]
) -> Iterator[bytes]:
    for table, seq in connection.execute(_SEQUENCES):
        if table.decode() in columns:
            name = table.decode().replace("'", "''")
            yield f"DELETE FROM sqlite_sequence WHERE name='{name}'".encode()  # noqa: S608  escaped
            yield f"INSERT INTO sqlite_sequence VALUES('{name}',{int(seq)})".encode()


def _literal(name: str) -> str:
    """A value as a literal; `quote()` alone would end a text at its first NUL."""
    as_hex = f"'CAST(X' || quote(hex({name})) || ' AS TEXT)'"
    return (
        f"CASE WHEN typeof({name}) = 'text' AND instr({name}, char(0)) THEN {as_hex} "
        f"ELSE quote({name}) END"
    )
