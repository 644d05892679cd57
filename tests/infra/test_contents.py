"""What one state of a database lacks of another: losses upwards, leftovers on the way back."""

from __future__ import annotations

import pytest

from infra.migrations.contents import Changes, Contents
from infra.migrations.d1 import Statement
from infra.migrations.scratch import ScratchDatabase


def contents(*statements: str) -> Contents:
    """What a database holds after these statements."""
    with ScratchDatabase() as database:
        database.batch([Statement(sql) for sql in statements])
        return Contents.read(database)


def notes(columns: str = "id INTEGER PRIMARY KEY, body TEXT", rows: str = "") -> list[str]:
    made = [f"CREATE TABLE notes ({columns})"]
    return [*made, f"INSERT INTO notes VALUES {rows}"] if rows else made  # noqa: S608


COUNTED = "id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT"
LOSSES: dict[str, tuple[list[str], list[str], list[str]]] = {
    "nothing": (notes(rows="(1, 'a')"), notes(rows="(1, 'a')"), []),
    "a row more": (notes(rows="(1, 'a')"), notes(rows="(1, 'a'), (2, 'b')"), []),
    "a table": (notes(), [], ["notes (the table is gone)"]),
    "rows": (
        notes(rows="(1, 'a'), (2, 'b'), (3, 'c')"),
        notes(rows="(3, 'c')"),
        ["notes (2 of 3 rows are gone)"],
    ),
    "a value": (
        notes(rows="(1, 'a'), (2, 'b')"),
        notes(rows="(1, 'a'), (2, 'x')"),
        ["notes.body (values of the column are changed or gone)"],
    ),
    "a value that another row more has": (
        notes(rows="(1, 'a'), (2, 'b')"),
        notes(rows="(1, 'x'), (2, 'y'), (3, 'a')"),
        ["notes.body (values of the column are changed or gone)"],
    ),
    "values that changed their rows": (
        notes(rows="(1, 'a'), (2, 'b')"),
        notes(rows="(1, 'b'), (2, 'a')"),
        ["notes (values have moved to other rows)"],
    ),
    "a column": (
        notes(rows="(1, 'a')"),
        notes("id INTEGER PRIMARY KEY", "(1)"),
        ["notes.body (the column is gone)"],
    ),
    "what a column is": (
        notes("id INTEGER PRIMARY KEY, body TEXT NOT NULL DEFAULT 'x'"),
        notes("id INTEGER, body TEXT"),
        [
            "notes.id (the column has lost its place in the primary key)",
            "notes.body (the column has lost NOT NULL)",
            "notes.body (the column has lost its DEFAULT)",
        ],
    ),
    "nothing, where a column becomes more": (
        notes("id INTEGER, body TEXT"),
        notes("id INTEGER PRIMARY KEY, body TEXT NOT NULL DEFAULT 'x' CHECK (body <> '')"),
        [],
    ),
    "checks": (
        notes("id INTEGER CHECK (id > 0) CHECK(id > 1), body TEXT"),
        notes("id INTEGER, body TEXT"),
        ["notes.constraints (2 CHECK constraints are gone)"],
    ),
    "a reference, one key and another": (
        [
            *notes(),
            "CREATE TABLE a (x INTEGER REFERENCES Notes, y INTEGER, UNIQUE (X, y), UNIQUE (y))",
        ],
        [*notes(), "CREATE TABLE a (x INTEGER, y INTEGER)"],
        [
            "a.constraints (the reference of x to notes is gone)",
            "a.constraints (UNIQUE or PRIMARY KEY (x, y) is gone)",
            "a.constraints (UNIQUE or PRIMARY KEY (y) is gone)",
        ],
    ),
    "the counter": (
        notes(COUNTED, "(1, 'a'), (9, 'b')"),
        [
            *notes(COUNTED, "(1, 'a'), (9, 'b')"),
            "UPDATE sqlite_sequence SET seq = 8 WHERE name = 'notes'",
        ],
        ["notes.autoincrement (keys that were given before are given again)"],
    ),
    "nothing, where the counter went on": (
        notes(COUNTED, "(1, 'a')"),
        [*notes(COUNTED, "(1, 'a'), (2, 'b')"), "DELETE FROM notes WHERE id = 2"],
        [],
    ),
    "counting": (
        notes(COUNTED),
        notes(),
        ["notes.autoincrement (AUTOINCREMENT is gone)"],
    ),
    "indexes, views and triggers": (
        [
            *notes(),
            "CREATE INDEX By_Body ON notes (body)",
            "CREATE VIEW shown AS SELECT 1",
            "CREATE TRIGGER swept AFTER INSERT ON notes BEGIN SELECT 1; END",
        ],
        notes(),
        [
            "by_body (the index is gone, and no DROP names it)",
            "shown (the view is gone, and no DROP names it)",
            "swept (the trigger is gone, and no DROP names it)",
        ],
    ),
}


@pytest.mark.parametrize(("before", "after", "expected"), LOSSES.values(), ids=LOSSES)
def test_a_loss_is_told_with_its_name_and_reason(
    before: list[str], after: list[str], expected: list[str]
) -> None:
    assert [str(loss) for loss in contents(*before).losses(contents(*after))] == expected


def test_what_a_file_says_that_it_changes_is_no_loss() -> None:
    before = contents(*notes(rows="(1, 'a')"), "CREATE INDEX by_body ON notes (body)")
    after = contents(
        "CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT)",
        "INSERT INTO texts VALUES (1, 'x')",
    )
    meant = Changes(
        tables={"notes": "texts"},
        columns={("notes", "body"): "text"},
        updated=frozenset({("notes", "body")}),
        dropped=frozenset({"by_body"}),
    )
    assert before.losses(after, meant) == []
    assert [loss.name for loss in before.losses(after)] == ["notes", "by_body"]
    (only,) = before.losses(
        after, Changes(tables=meant.tables, columns=meant.columns, dropped=meant.dropped)
    )
    assert (only.name, set(only.covers)) == ("notes.body", {"notes.body", "notes"})


LEFTOVERS: dict[str, tuple[list[str], list[str], list[str]]] = {
    "nothing": (notes(rows="(1, 'a')"), notes(rows="(1, 'a')"), []),
    "nothing, in another order": (notes("a TEXT, b TEXT"), notes("b TEXT, a TEXT"), []),
    "a table and its index": (
        notes(),
        [*notes(), "CREATE TABLE more (id INTEGER)", "CREATE INDEX m ON more (id)"],
        ["index m is still there", "table more is still there"],
    ),
    "a column": (
        notes("id INTEGER PRIMARY KEY"),
        notes(),
        [
            "column notes.body is still there",
            "table notes has other columns or constraints than before",
        ],
    ),
    "rows": (
        notes(rows="(1, 'a')"),
        notes(rows="(1, 'a'), (2, 'b'), (3, 'c')"),
        ["2 rows of notes are still there"],
    ),
    "other rows, which are lost": (notes(rows="(1, 'a')"), notes(rows="(1, 'b'), (2, 'c')"), []),
    "another view": (
        [*notes(), "CREATE VIEW v AS SELECT 1"],
        [*notes(), "CREATE VIEW v AS SELECT 2"],
        ["view v isn't what it was"],
    ),
    "the same view, written otherwise": (
        [*notes(), "CREATE VIEW v AS SELECT 1"],
        [*notes(), 'CREATE  VIEW "v" AS select /* the same */ 1'],
        [],
    ),
    **{
        f"a table with {change}": (
            notes(before),
            notes(after),
            ["table notes has other columns or constraints than before"],
        )
        for change, before, after in (
            ("another type", "id INTEGER", "id TEXT"),
            ("another type, back", "id TEXT", "id INTEGER"),
            ("another default", "id INTEGER DEFAULT 1", "id INTEGER DEFAULT 2"),
            ("another key", "id INTEGER, b TEXT UNIQUE", "id INTEGER UNIQUE, b TEXT"),
            ("another check", "id INTEGER CHECK (id > 1)", "id INTEGER"),
            ("one check more", "id INTEGER", "id INTEGER CHECK (id > 1)"),
            (
                "a rule for deletion",
                "id INTEGER REFERENCES notes ON DELETE CASCADE",
                "id INTEGER REFERENCES notes",
            ),
        )
    },
}


@pytest.mark.parametrize(("before", "after", "expected"), LEFTOVERS.values(), ids=LEFTOVERS)
def test_a_leftover_is_told_with_its_name(
    before: list[str], after: list[str], expected: list[str]
) -> None:
    assert contents(*before).leftovers(contents(*after)) == expected
