"""The tables of a stack's database: their names, their order, and how all of them are removed."""

from __future__ import annotations

from collections.abc import Mapping

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
    drops += [f"DROP TABLE {quoted(table.name)}" for table in reversed(tables)]
    return ["PRAGMA defer_foreign_keys=TRUE", *drops]
