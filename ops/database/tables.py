"""The tables of a stack's database: their names, their order, and how all of them are removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from infra.migrations.schema import Queries, Table, quoted, read_objects, read_tables


def table_names(database: Queries) -> list[str]:
    """Return the tables' names in the order of the alphabet."""
    objects = read_objects(database, with_ledger=True)
    return sorted(found.name for found in objects if found.kind == "table")


def by_reference(tables: Mapping[str, Table]) -> list[Table]:
    """Return the tables so that each comes after those that it refers to.

    Tables that refer to each other in a circle come in the order of their making.
    """
    ordered: list[Table] = []
    left = dict(tables)
    while left:
        free = [
            key
            for key, table in left.items()
            if all(one.parent == key or one.parent not in left for one in table.foreign_keys)
        ]
        ordered += [left.pop(key) for key in free or list(left)[:1]]
    return ordered


def clearing(database: Queries) -> list[str]:
    """Return statements that, in one transaction, remove everything from the database.

    Triggers go first, so that none sees the rows go; then views, and each table before those that
    it refers to.
    """
    objects = read_objects(database, with_ledger=True)
    drops = [
        f"DROP {kind.upper()} {quoted(found.name)}"
        for kind in ("trigger", "view")
        for found in reversed(objects)
        if found.kind == kind
    ]
    tables = by_reference(read_tables(database, with_ledger=True))
    # In a circle, RESTRICT would keep every row: no PRAGMA puts it off. So the references go first.
    drops += [statement for table in tables for statement in _unbound(table, tables)]
    drops += [f"DROP TABLE {quoted(table.name)}" for table in reversed(tables)]
    return ["PRAGMA defer_foreign_keys=TRUE", *drops]


def _unbound(table: Table, tables: Sequence[Table]) -> Iterator[str]:
    """Statements that take away the references that a table can't be dropped with."""
    earlier = {one.key for one in tables[: tables.index(table)]}
    required = {column.name for column in table.columns if column.not_null or column.key}
    for key in table.foreign_keys:
        if key.on_delete == "RESTRICT" and key.parent not in earlier:
            free = [name for name in key.columns if name not in required]
            if free:
                yield f"UPDATE {quoted(table.name)} SET {quoted(free[0])} = NULL"  # noqa: S608
