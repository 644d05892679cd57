"""A D1 database as one text of SQL, and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.host_client import HostClient

_DEFER = "PRAGMA defer_foreign_keys=TRUE"
_OURS = "lower(substr({0}, 1, 7)) <> 'sqlite_' AND lower(substr({0}, 1, 4)) <> '_cf_'"
_OBJECTS = (
    "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL "  # noqa: S608
    f"AND {_OURS.format('name')} ORDER BY CASE type WHEN 'table' THEN 0 ELSE 1 END, rowid"
)
# Hidden and generated columns can't be inserted: table_xinfo tells them by a `hidden` above 0.
_COLUMNS = (
    "SELECT m.name AS tbl, c.name AS col "  # noqa: S608
    "FROM sqlite_master m, pragma_table_xinfo(m.name) c "
    f"WHERE m.type = 'table' AND {_OURS.format('m.name')} "
    "AND c.hidden = 0 ORDER BY m.rowid, c.cid"
)
_SEQUENCES = "SELECT name, seq FROM sqlite_sequence ORDER BY name"
_ATTEMPTS = 5


class SchemaMoved(Exception):
    """The schema changed each time while the database was read."""


@dataclass(frozen=True)
class DumpOptions:
    """What a dump leaves out, as D1's `dump_options` say; no `tables` means all of them."""

    no_data: bool = False
    no_schema: bool = False
    tables: Collection[str] = ()


async def dump(client: HostClient, database_id: str, options: DumpOptions) -> str:
    """The whole database as of one moment: every row is read in one transaction.

    Raises SchemaMoved where the schema changed between its reading and the rows' five times.
    """
    for _ in range(_ATTEMPTS):
        objects, columns = await _schema(client, database_id)
        wanted = {
            table: names
            for table, names in columns.items()
            if not options.tables or table in options.tables
        }
        statements = [_OBJECTS, *(_select(table, names) for table, names in wanted.items())]
        has_sequence = any("AUTOINCREMENT" in str(found["sql"]).upper() for found in objects)
        if has_sequence:
            statements.append(_SEQUENCES)
        results = await client.query(database_id, [{"sql": s, "params": []} for s in statements])
        if results[0]["results"] != objects:
            continue
        rows = dict(zip(wanted, (found["results"] for found in results[1:]), strict=False))
        sequences = results[-1]["results"] if has_sequence else []
        return _text(objects, wanted, rows, sequences, options)
    raise SchemaMoved("The schema changed while it was read. Try again.")


async def clearing(client: HostClient, database_id: str) -> list[str]:
    """The statements that remove every table of a database."""
    objects, _ = await _schema(client, database_id)
    tables = [str(found["name"]) for found in objects if found["type"] == "table"]
    views = [str(found["name"]) for found in objects if found["type"] == "view"]
    drops = [f"DROP VIEW {quoted(name)}" for name in views]
    return [_DEFER, *drops, *(f"DROP TABLE {quoted(name)}" for name in reversed(tables))]


def quoted(name: str) -> str:
    """A name as SQLite reads it whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


async def _schema(
    client: HostClient, database_id: str
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    found = await client.query(
        database_id, [{"sql": _OBJECTS, "params": []}, {"sql": _COLUMNS, "params": []}]
    )
    columns: dict[str, list[str]] = {}
    for row in found[1]["results"]:
        columns.setdefault(str(row["tbl"]), []).append(str(row["col"]))
    return found[0]["results"], columns


def _select(table: str, columns: Sequence[str]) -> str:
    """SQLite itself writes each value as a literal, so that none changes its type or a digit."""
    values = ", ".join(f"{_literal(quoted(name))} AS c{at}" for at, name in enumerate(columns))
    return f"SELECT {values} FROM {quoted(table)}"  # noqa: S608  names of the schema, quoted


def _literal(name: str) -> str:
    """A value as a literal; `quote()` alone would end a text at its first NUL."""
    as_hex = f"'CAST(X' || quote(hex({name})) || ' AS TEXT)'"
    return (
        f"CASE WHEN typeof({name}) = 'text' AND instr({name}, char(0)) THEN {as_hex} "
        f"ELSE quote({name}) END"
    )


def _text(
    objects: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Sequence[str]],
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    sequences: Sequence[Mapping[str, Any]],
    options: DumpOptions,
) -> str:
    """Tables, then their rows, then what hangs on them: so an index is built once.

    A row needs the table that it refers to, which may be a younger one.
    """
    lines = [_DEFER]
    tables = [one for one in objects if one["type"] == "table" and one["name"] in columns]
    if not options.no_schema:
        lines.extend(str(found["sql"]) for found in tables)
    for found in tables if not options.no_data else ():
        table = str(found["name"])
        names = ",".join(map(quoted, columns[table]))
        lines.extend(
            f"INSERT INTO {quoted(table)} ({names}) VALUES({','.join(map(str, row.values()))})"
            for row in rows[table]
        )
    if not options.no_data:
        for row in sequences:
            name = str(row["name"]).replace("'", "''")
            if row["name"] in columns:
                lines.append(f"DELETE FROM sqlite_sequence WHERE name='{name}'")  # noqa: S608  escaped
                lines.append(f"INSERT INTO sqlite_sequence VALUES('{name}',{int(row['seq'])})")
    if not options.no_schema:
        lines.extend(
            str(found["sql"])
            for found in objects
            if found["type"] != "table" and (found["tbl_name"] in columns or not options.tables)
        )
    return "".join(f"{line};\n" for line in lines)
