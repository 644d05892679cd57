"""A dump in its own words, and what is read from D1's export."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.migrations.d1 import Statement
from infra.migrations.schema import read_objects
from infra.migrations.scratch import ScratchDatabase
from infra.migrations.statements import split_statements
from ops.database import dump
from ops.database.dump import dumped, exported_rows, run_file, write_dump
from ops.database.table_sum import sums
from ops.stacks.errors import VerificationFailed

CHILD = "CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, of TEXT REFERENCES parent (k))"
PARENTS = 'INSERT INTO "parent" ("k", "v") VALUES'


@pytest.fixture
def database() -> Iterator[ScratchDatabase]:
    with ScratchDatabase() as found:
        yield found


def run(database: ScratchDatabase, *statements: str) -> None:
    database.batch([Statement(sql) for sql in statements])


def text_of(database: ScratchDatabase) -> list[str]:
    return list(dumped(database, read_objects(database, with_ledger=True)))


def comes_back(database: ScratchDatabase, text: list[str]) -> None:
    """Load a dump into an empty database, and find the same rows and objects."""
    with ScratchDatabase() as other:
        run(other, *split_statements("".join(text)))
        assert sums(other) == sums(database)
        assert {(o.kind, o.name, o.plain) for o in read_objects(other)} == {
            (o.kind, o.name, o.plain) for o in read_objects(database)
        }
        counters = [Statement("SELECT name, seq FROM sqlite_sequence ORDER BY name")]
        if any("AUTOINCREMENT" in o.sql for o in read_objects(database)):
            assert other.batch(counters) == database.batch(counters)


def test_a_dump_has_tables_by_reference_rows_counters_and_then_the_rest(
    database: ScratchDatabase,
) -> None:
    run(
        database,
        CHILD,
        "CREATE TABLE parent (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID",
        "CREATE TABLE plain (a TEXT, b REAL)",
        "CREATE INDEX by_of ON child (of)",
        "CREATE VIEW kept AS SELECT k FROM parent",
        "CREATE TRIGGER t AFTER INSERT ON plain BEGIN SELECT 1; END",
        "INSERT INTO parent VALUES ('a', X'00FF'), ('é', NULL)",
        "INSERT INTO child (id, of) VALUES (3, 'a'), (9, NULL)",
        "DELETE FROM child WHERE id = 9",
        "INSERT INTO plain VALUES ('it''s', 0.5)",
    )
    text = text_of(database)
    assert text == [
        "PRAGMA defer_foreign_keys=TRUE;\n",
        "CREATE TABLE d1_restore_pieces (value INTEGER, at INTEGER, piece TEXT);\n",
        "CREATE TABLE parent (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID;\n",
        "CREATE TABLE plain (a TEXT, b REAL);\n",
        f"{CHILD};\n",
        f"{PARENTS} ('a', X'00FF'), (CAST(X'C3A9' AS TEXT), NULL);\n",
        'INSERT INTO "plain" (_rowid_, "a", "b") VALUES (1, \'it\'\'s\', 0.5);\n',
        'INSERT INTO "child" ("id", "of") VALUES (3, \'a\');\n',
        "DELETE FROM sqlite_sequence WHERE name = 'child';\n",
        "INSERT INTO sqlite_sequence (name, seq) VALUES ('child', 9);\n",
        "DROP TABLE d1_restore_pieces;\n",
        "CREATE INDEX by_of ON child (of);\n",
        "CREATE VIEW kept AS SELECT k FROM parent;\n",
        "CREATE TRIGGER t AFTER INSERT ON plain BEGIN SELECT 1; END;\n",
    ]
    comes_back(database, text)


def test_a_statement_has_at_most_fifty_rows(database: ScratchDatabase) -> None:
    run(database, "CREATE TABLE t (id INTEGER PRIMARY KEY)")
    numbers = ", ".join(f"({number})" for number in range(101))
    run(database, f"INSERT INTO t VALUES {numbers}")  # noqa: S608  numbers
    found = [line for line in text_of(database) if line.startswith("INSERT")]
    assert [line.count("(") - 1 for line in found] == [50, 50, 1]


@pytest.mark.parametrize(("length", "statements"), [(10, 1), (11, 2)])
def test_a_statement_ends_before_it_is_too_long(
    database: ScratchDatabase, monkeypatch: pytest.MonkeyPatch, length: int, statements: int
) -> None:
    run(database, "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
    run(database, f"INSERT INTO t VALUES (1, 'x'), (2, '{'y' * length}')")  # noqa: S608
    # The head, and both rows with a comma and a space after the first, in the shorter case.
    exact = len('INSERT INTO "t" ("id", "a") VALUES ') + len("(1, 'x')") + 2 + len("(2, '')") + 10
    monkeypatch.setattr(dump, "MAX_STATEMENT", exact)
    found = [line for line in text_of(database) if line.startswith('INSERT INTO "t"')]
    assert len(found) == statements
    assert not any("group_concat" in line for line in found)


def test_a_row_that_is_too_long_is_built_from_pieces(
    database: ScratchDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, half = "it''s" * 8, "AB" * 40
    run(
        database,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b BLOB)",
        f"INSERT INTO t VALUES (1, '{text}', X'{half}{half}ABAB'), (2, 'é', NULL)",  # noqa: S608
    )
    monkeypatch.setattr(dump, "MAX_STATEMENT", 250)
    monkeypatch.setattr(dump, "_PIECE", 80)
    written = text_of(database)
    piece = "INSERT INTO d1_restore_pieces VALUES (0, "
    built = "(SELECT CAST(group_concat(piece, '') AS BLOB) FROM "
    built += "(SELECT piece FROM d1_restore_pieces WHERE value = 0 ORDER BY at))"
    head = 'INSERT INTO "t" ("id", "a", "b") VALUES'
    first = written.index(f"{piece}0, X'{half}');\n")
    assert written[first : first + 6] == [
        f"{piece}0, X'{half}');\n",
        f"{piece}80, X'{half}');\n",
        f"{piece}160, X'ABAB');\n",
        f"{head} (1, '{text}', {built});\n",
        "DELETE FROM d1_restore_pieces;\n",
        f"{head} (2, CAST(X'C3A9' AS TEXT), NULL);\n",
    ]
    comes_back(database, written)


def test_two_long_values_of_one_row_have_pieces_of_their_own(
    database: ScratchDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "it''s" * 60
    run(
        database,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b BLOB, c TEXT)",
        f"INSERT INTO t VALUES (1, '{text}', X'{'0F' * 300}', '{'é' * 200}')",  # noqa: S608
    )
    monkeypatch.setattr(dump, "MAX_STATEMENT", 500)
    monkeypatch.setattr(dump, "_PIECE", 100)
    written = text_of(database)
    pieces = [line for line in written if line.startswith("INSERT INTO d1_restore_pieces")]
    assert {line.partition("(")[2].partition(",")[0] for line in pieces} == {"0", "1", "2"}
    assert all(len(line) <= 500 for line in pieces)
    comes_back(database, written)


def test_full_texts_are_written_or_built_again(database: ScratchDatabase) -> None:
    run(
        database,
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)",
        "CREATE VIRTUAL TABLE own USING fts5(body)",
        "CREATE VIRTUAL TABLE of_notes USING fts5(body, content=notes, content_rowid=id)",
        "INSERT INTO notes VALUES (1, 'hello')",
        "INSERT INTO own (rowid, body) VALUES (7, 'world')",
    )
    text = text_of(database)
    assert 'INSERT INTO "own" (_rowid_, "body") VALUES (7, \'world\');\n' in text
    assert 'INSERT INTO "of_notes" ("of_notes") VALUES (\'rebuild\');\n' in text
    assert not any('INTO "of_notes" (_rowid_' in line for line in text)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("fts5(body, content='')", "keeps no text (content='')"),
        ('fts5(body, content="")', "keeps no text (content='')"),
        ("fts4(body)", "is kept by the module fts4"),
    ],
)
def test_what_no_dump_can_hold_is_refused_by_name(sql: str, words: str) -> None:
    connection = sqlite3.connect(":memory:")
    with closing(connection):
        connection.execute(f"CREATE VIRTUAL TABLE found USING {sql}")
        objects = read_objects(dump.LocalQueries(connection), with_ledger=True)
        with pytest.raises(VerificationFailed, match="table found") as refused:
            dump.refuse_unkept(objects)
        assert words in str(refused.value)


def test_writing_and_loading_tell_how_far_they_are(
    database: ScratchDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(database, "CREATE TABLE t (a TEXT)", "INSERT INTO t VALUES ('1'), ('2'), ('3'), ('4')")
    monkeypatch.setattr(dump, "_TOLD_EVERY", 2)
    told: list[str] = []
    file = tmp_path / "dump.sql"
    write_dump(database, read_objects(database, with_ledger=True), file, told.append)
    assert told == ["wrote 2 of 4 rows", "wrote 4 of 4 rows"]
    assert file.read_text() == "".join(text_of(database))

    told.clear()
    row = f"INSERT INTO t VALUES ('{'x' * 500_000}');\n"  # noqa: S608  the test's own
    file.write_text("CREATE TABLE t (a TEXT);\n" + row * 4)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        run_file(copy, file, told.append)
        assert copy.execute("SELECT count(*) FROM t").fetchall() == [(4,)]
        assert not copy.in_transaction
    assert told == ["loaded 1 of 2 MB", "loaded 2 of 2 MB"]


@pytest.mark.parametrize(
    ("export", "is_whole"),
    [
        ("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('x');", True),
        ("CREATE TABLE t (a TEXT); CREATE TABLE u (a TEXT);", True),
        ("CREATE TABLE u (a TEXT);", False),
        ("CREATE TABLE t (a TEXT); INSERT INTO nowhere VALUES (1);", False),
        ("CREATE TABLE t (a TEXT", False),
        ("CREATE TABLE t (a TEXT); -- \udcff", False),
    ],
)
def test_an_export_is_read_where_it_has_every_table_and_loads(
    database: ScratchDatabase, tmp_path: Path, export: str, is_whole: bool
) -> None:
    run(database, "CREATE TABLE t (a TEXT)", "CREATE VIEW v AS SELECT a FROM t")
    file = tmp_path / "export.sql"
    file.write_bytes(export.encode("utf-8", "surrogateescape"))
    with exported_rows(file, database) as rows:
        assert (rows is not None) == is_whole
    assert [path.name for path in tmp_path.iterdir()] == ["export.sql"]


@pytest.mark.parametrize(
    ("live", "exported", "is_whole"),
    [("char(0)", "char(0)", True), ("char(0)", "'x'", False), ("'x'", "char(0)", True)],
)
def test_an_export_that_lost_what_follows_a_nul_is_not_read(
    database: ScratchDatabase, tmp_path: Path, live: str, exported: str, is_whole: bool
) -> None:
    table = "CREATE TABLE t (a TEXT, b BLOB)"
    run(database, table, f"INSERT INTO t VALUES ({live}, X'00')")  # noqa: S608  the test's own
    file = tmp_path / "export.sql"
    file.write_text(f"{table}; INSERT INTO t VALUES ({exported}, NULL);")  # noqa: S608
    with exported_rows(file, database) as rows:
        assert (rows is not None) == is_whole
