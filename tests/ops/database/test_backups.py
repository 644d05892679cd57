"""A backup brings back what D1 holds, whatever its shape, or names what it can't keep."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from infra.migrations.d1 import Statement
from infra.migrations.schema import read_objects
from localcloud.daemon import LocalCloud
from localcloud.endpoints import Endpoints, Ports
from ops.database.backup import Backups
from ops.database.dump import LocalQueries, dumped, write_dump
from ops.database.stack_database import StackDatabase
from ops.database.table_sum import sums
from ops.stacks.account import StackAccount
from ops.stacks.errors import VerificationFailed

pytestmark = pytest.mark.workerd

SHAPES = [
    # A child that is older than its parent, as a rebuild of the parent leaves it.
    (
        "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " label TEXT REFERENCES Labels (name) ON DELETE CASCADE, body TEXT)"
    ),
    "CREATE TABLE labels (name TEXT PRIMARY KEY, colour TEXT) WITHOUT ROWID",
    (
        "CREATE TABLE parts (id INTEGER PRIMARY KEY,"
        " whole INTEGER REFERENCES parts (id) ON DELETE CASCADE)"
    ),
    "CREATE TABLE ring (id INTEGER PRIMARY KEY, next INT REFERENCES ring (id) ON DELETE RESTRICT)",
    "CREATE TABLE hens (id INTEGER PRIMARY KEY, egg INTEGER NOT NULL REFERENCES eggs (id))",
    "CREATE TABLE eggs (id INTEGER PRIMARY KEY, hen INTEGER NOT NULL REFERENCES hens (id))",
    'CREATE TABLE "odd ""one" ("rowid" TEXT, "select" BLOB, "_rowid_" INT)',
    'CREATE TABLE hidden ("rowid" TEXT, "oid" TEXT, "_rowid_" INT)',
    "CREATE TABLE single (word TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE pcf_rates (rate REAL)",
    "CREATE TABLE sqlitex (n INTEGER, twice INTEGER AS (n * 2) STORED)",
    (
        "CREATE TABLE long_values (id INTEGER PRIMARY KEY, text TEXT CHECK (hex(text) > ''),"
        " bytes BLOB)"
    ),
    "CREATE INDEX notes_by_label ON notes (label)",
    "CREATE VIEW shown AS SELECT id, body FROM notes",
    (
        "CREATE TRIGGER shown_insert INSTEAD OF INSERT ON shown BEGIN"
        " INSERT INTO notes (body) VALUES (NEW.body); END"
    ),
    (
        "CREATE TRIGGER notes_deleted AFTER DELETE ON notes BEGIN"
        " INSERT INTO pcf_rates VALUES (1); END"
    ),
]
ROWS = [
    "PRAGMA defer_foreign_keys = TRUE",
    "INSERT INTO labels VALUES ('a', 'it''s; -- \"red\"'), ('b', NULL), ('', '😀')",
    "INSERT INTO notes (id, label, body) VALUES (7, 'a', 'x'), (90, '', NULL), (91, NULL, '')",
    "DELETE FROM notes WHERE id = 91",
    "INSERT INTO parts VALUES (1, 2), (2, NULL), (3, 3)",
    "INSERT INTO ring VALUES (1, 2), (2, 1)",
    "INSERT INTO hens VALUES (1, 5)",
    "INSERT INTO eggs VALUES (5, 1)",
    "INSERT INTO \"odd \"\"one\" VALUES ('a', x'0027ff', 9223372036854775807), (NULL, NULL, 0.1)",
    "INSERT INTO hidden VALUES ('a', 'b', 1), ('a', 'b', 1), ('a', NULL, 1)",
    "INSERT INTO single VALUES ('one'), ('two')",
    "INSERT INTO pcf_rates VALUES (1.5), (9.0e+307), (-1)",
    "INSERT INTO sqlitex (n) VALUES (21)",
    "INSERT INTO long_values VALUES (1, 'a' || char(0) || 'b', x'00')",
    (
        "INSERT INTO long_values SELECT 2, group_concat(t, ''), NULL FROM"
        " (SELECT 'it''s ü😀' || char(10) AS t FROM json_each('[' || substr(replace("
        "hex(zeroblob(15000)), '0', '1,'), 1, 29999) || ']'))"
    ),
    "INSERT INTO long_values VALUES (3, 'a', zeroblob(150000))",
    "INSERT INTO long_values SELECT 4, CAST(zeroblob(150000) AS TEXT) || 'end', x'01'",
]

NewDatabase = Callable[[str], StackDatabase]


@pytest.fixture(scope="module")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewDatabase]:
    """Makes an empty D1 database in a local cloud of these tests' own."""
    cloud = LocalCloud(tmp_path_factory.mktemp("cloud"), Ports(0, 0, 0))
    endpoints = cloud.start()
    account = StackAccount(
        stack="local",
        account_id=endpoints.account_id,
        base_url=endpoints.control_url,
        is_local=True,
        token=endpoints.api_token,
    )
    try:
        yield lambda name: StackDatabase(account, made(endpoints, name), name, 0)
    finally:
        cloud.erase()


def made(endpoints: Endpoints, name: str) -> str:
    """The id of a new database."""
    answer = httpx.post(
        f"{endpoints.control_url}/accounts/{endpoints.account_id}/d1/database",
        json={"name": name},
        headers={"Authorization": f"Bearer {endpoints.api_token}"},
        trust_env=False,
    ).raise_for_status()
    return str(answer.json()["result"]["uuid"])


def schema(database: StackDatabase) -> set[tuple[str, str, str]]:
    """Everything in a database's catalogue."""
    return {(one.kind, one.name, one.plain) for one in read_objects(database)}


def databases(database: StackDatabase) -> set[str]:
    """The names of all databases in the account."""
    found = database.account.ask(
        "list the databases",
        lambda client: list(client.d1.database.list(account_id=database.account.account_id)),
    )
    return {str(one.name) for one in found or ()}


def test_every_shape_comes_back_as_it_was(new_database: NewDatabase, tmp_path: Path) -> None:
    database = new_database("shapes")
    database.batch(SHAPES)
    database.batch(ROWS)
    before, was = sums(database), schema(database)
    backups = Backups(database, tmp_path)

    taken, changed = backups.take(passphrase=None)

    assert changed == ()
    assert taken.verified_at is not None
    assert taken.tables == before
    database.batch(
        [
            "PRAGMA defer_foreign_keys = TRUE",
            "DELETE FROM labels",
            "DELETE FROM pcf_rates",
            "DROP VIEW shown",
            "DROP TABLE long_values",
            "CREATE TABLE newer (id INTEGER REFERENCES notes (id))",
            "CREATE VIEW later AS SELECT * FROM newer",
        ]
    )
    backups.restore(backups.verify(taken, passphrase=None), passphrase=None)
    assert sums(database) == before
    assert schema(database) == was
    database.batch(["INSERT INTO shown (body) VALUES ('through the view')"])
    assert database.query("SELECT id FROM notes WHERE body LIKE 'through%'") == [{"id": 92}]
    assert databases(database) == {"shapes"}


def test_full_text_tables_come_back_with_their_text(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    database = new_database("texts")
    database.batch(
        [
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)",
            "INSERT INTO notes VALUES (3, 'grey heron')",
            "CREATE VIRTUAL TABLE own USING fts5(title, body)",
            "INSERT INTO own(rowid, title, body) VALUES (17, 'heron', 'grey'), (5, 'crane', NULL)",
            "CREATE VIRTUAL TABLE of_notes USING fts5(body, content='notes', content_rowid='id')",
            "INSERT INTO of_notes(of_notes) VALUES ('rebuild')",
        ]
    )
    backups = Backups(database, tmp_path)
    taken, _ = backups.take(passphrase=None)
    database.batch(["DELETE FROM own", "DELETE FROM notes", "DROP TABLE of_notes"])
    backups.restore(taken, passphrase=None)
    assert database.query("SELECT rowid FROM own WHERE own MATCH 'heron'") == [{"rowid": 17}]
    found = database.query("SELECT rowid FROM of_notes WHERE of_notes MATCH 'heron'")
    assert found == [{"rowid": 3}]


def test_what_cannot_be_kept_is_named_before_anything_is_called_verified(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    database = new_database("textless")
    database.batch(["CREATE VIRTUAL TABLE terms USING fts5(body, content='')"])
    with pytest.raises(VerificationFailed, match="full-text table terms keeps no text"):
        Backups(database, tmp_path).take(passphrase=None)
    assert list(tmp_path.iterdir()) == []


def test_no_statement_of_a_dump_is_longer_than_d1_takes() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE long_values (id INTEGER PRIMARY KEY, a TEXT, b BLOB)")
    connection.execute(
        "INSERT INTO long_values VALUES (1, ?, ?)", ("ü'\x00" * 200_000, b"\x00\xff" * 200_000)
    )
    rows = LocalQueries(connection)
    dump = "".join(dumped(rows, read_objects(rows)))
    assert max(map(len, dump.splitlines())) <= 100_000
    again = sqlite3.connect(":memory:", isolation_level=None)
    again.executescript(dump)
    query = "SELECT * FROM long_values"
    assert again.execute(query).fetchall() == [tuple(connection.execute(query).fetchone())]


def test_tables_are_told_by_their_names_and_not_by_a_pattern(new_database: NewDatabase) -> None:
    database = new_database("names")
    database.batch(["CREATE TABLE pcf_rates (a)", "CREATE TABLE sqlitex (a)"])
    assert list(sums(database)) == ["pcf_rates", "sqlitex"]
    assert database.batch([Statement("SELECT 1 AS one")]) == [[{"one": 1}]]


def test_rows_share_statements_and_keep_their_order_and_number(tmp_path: Path) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE short (text TEXT)")
    connection.executemany("INSERT INTO short VALUES (?)", [(f"{n}",) for n in range(12_000)])
    # Between rows that share a statement: one that needs several.
    connection.execute("UPDATE short SET text = ? WHERE rowid = 60", ("x" * 150_000,))
    connection.execute("UPDATE short SET text = ? WHERE rowid BETWEEN 70 AND 75", ("y" * 40_000,))
    rows, told = LocalQueries(connection), list[str]()
    write_dump(rows, read_objects(rows), tmp_path / "dump.sql", told.append)
    dump = (tmp_path / "dump.sql").read_text()
    inserts = [line for line in dump.splitlines() if line.startswith('INSERT INTO "short"')]
    assert 240 <= len(inserts) <= 250
    assert max(map(len, dump.splitlines())) <= 100_000
    again = sqlite3.connect(":memory:", isolation_level=None)
    again.executescript(dump)
    query = "SELECT rowid, text FROM short ORDER BY rowid"
    assert again.execute(query).fetchall() == [tuple(row) for row in connection.execute(query)]
    assert told == ["wrote 5,000 of 12,000 rows", "wrote 10,000 of 12,000 rows"]
