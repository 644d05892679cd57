"""A database and an import of any size: beyond one call of workerd, and by the same rules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Endpoints, Ports
from tests.eventually import eventually

pytestmark = pytest.mark.workerd
ONE_CALL = 32 * 1024 * 1024
PADDING = "-- what makes the file too large for one call\n" * 100_000
SEED = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE notes (person INTEGER REFERENCES people (id), text TEXT);"
    "INSERT INTO people VALUES (1, 'ada'), (2, 'bob'); INSERT INTO notes VALUES (1, 'x');"
)
FILES = {
    "rows": "INSERT INTO people VALUES (3, 'eve; --'); DELETE FROM notes",
    "references put off": (
        "PRAGMA defer_foreign_keys = TRUE; INSERT INTO notes VALUES (9, 'y');"
        "INSERT INTO people VALUES (9, 'joe')"
    ),
    "a reference to nobody": (
        "PRAGMA defer_foreign_keys = TRUE; INSERT INTO notes VALUES (9, 'lost')"
    ),
    "a reference at once": "INSERT INTO notes VALUES (9, 'lost')",
    "a row twice": "INSERT INTO people VALUES (4, 'new'); INSERT INTO people VALUES (5, 'ada')",
    "an unknown table": "DELETE FROM notes; INSERT INTO missing VALUES (1)",
    "no SQL": "INSERT INTO people VALUES (3, 'eve'); SELEC 1",
    "a transaction": "BEGIN; DELETE FROM notes; COMMIT",
    "another file": "ATTACH DATABASE 'other.db' AS other",
    "an unsafe pragma": "PRAGMA journal_mode = DELETE",
    "foreign keys off": "PRAGMA foreign_keys = OFF; INSERT INTO notes VALUES (9, 'lost')",
    "a temporary table": "CREATE TEMP TABLE t (a)",
    "an internal table": "CREATE TABLE _cf_mine (a)",
    "an internal table in capitals": "CREATE TABLE _CF_mine (a)",
    "an internal index": "CREATE INDEX _cf_mine ON notes (text)",
    "an internal column": "CREATE TABLE c (_cf_a); INSERT INTO c (_cf_a) VALUES (1)",
    "a trigger": (
        "CREATE TRIGGER t AFTER DELETE ON notes BEGIN INSERT INTO people (name) VALUES ('gone');"
        " INSERT INTO people (name) VALUES ('and; so'); END; DELETE FROM notes"
    ),
    "full text": "CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f VALUES ('heron')",
    "rectangles": "CREATE VIRTUAL TABLE r USING rtree(id, low, high)",
    "another module": "CREATE VIRTUAL TABLE s USING dbstat",
    "a long statement": "SELECT '" + "x" * 100_000 + "'",
    "a long value": "INSERT INTO notes VALUES (1, hex(zeroblob(1000001)))",
    "many columns": f"CREATE TABLE wide ({', '.join(f'c{at}' for at in range(101))})",
    "many arguments": f"SELECT max({', '.join('1' * 33)})",
    "a long pattern": f"SELECT 'a' LIKE '{'a' * 51}'",
}


OTHER_WORDS = {"a reference to nobody": "in a state where constraints were violated"}
"""Where workerd resets its object, and says so in place of SQLite's words."""


class Database:
    """A D1 database of a local cloud that runs for real."""

    def __init__(self, endpoints: Endpoints, name: str) -> None:
        self._client = httpx.Client(
            base_url=f"{endpoints.control_url}/accounts/{endpoints.account_id}",
            headers={"Authorization": f"Bearer {endpoints.api_token}"},
            trust_env=False,
            timeout=60.0,
        )
        base = "/d1/database"
        self.path = f"{base}/{self._call(base, {'name': name})['uuid']}"

    def _call(self, path: str, body: Any) -> Any:
        answer = self._client.post(path, json=body).json()
        if not answer["success"]:
            raise Refused(answer["errors"][0]["message"])
        return answer["result"]

    def query(self, sql: str) -> list[dict[str, Any]]:
        """The rows of the last statement."""
        found: list[dict[str, Any]] = self._call(f"{self.path}/query", {"sql": sql})[-1]["results"]
        return found

    def ingest(self, sql: bytes) -> dict[str, Any]:
        """Import a file; its last state."""
        etag = hashlib.md5(sql, usedforsecurity=False).hexdigest()
        begun = self._call(f"{self.path}/import", {"action": "init", "etag": etag})
        httpx.put(begun["upload_url"], content=sql, trust_env=False, timeout=60.0)
        body = {"action": "ingest", "etag": etag, "filename": begun["filename"]}
        state: dict[str, Any] = self._call(f"{self.path}/import", body)
        while state["status"] == "active":
            poll = {"action": "poll", "current_bookmark": state["at_bookmark"]}
            state = self._call(f"{self.path}/import", poll)
        return state

    def export(self, to: Path) -> None:
        """Write the export into a file."""
        state = self._call(f"{self.path}/export", {"output_format": "polling"})
        while state["status"] == "active":
            poll = {"output_format": "polling", "current_bookmark": state["at_bookmark"]}
            state = self._call(f"{self.path}/export", poll)
        link = state["result"]["signed_url"]
        with httpx.stream("GET", link, trust_env=False, timeout=60.0) as answer:
            to.write_bytes(b"".join(answer.iter_bytes()))

    def bookmark(self) -> str:
        """The bookmark of now."""
        answer = self._client.get(f"{self.path}/time_travel/bookmark").json()
        return str(answer["result"]["bookmark"])

    def travel(self, bookmark: str) -> None:
        """Return to a bookmark."""
        self._call(f"{self.path}/time_travel/restore?bookmark={bookmark}", None)

    def contents(self) -> list[list[dict[str, Any]]]:
        """The schema and the rows."""
        schema = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'"
        tables = [str(row["name"]) for row in self.query(f"{schema} AND type = 'table'")]
        return [
            self.query(f"{schema} ORDER BY name"),
            *(self.query(f'SELECT * FROM "{name}"') for name in sorted(tables)),  # noqa: S608
        ]


class Refused(Exception):
    """The API's message."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cloud")


@pytest.fixture(scope="module")
def endpoints(home: Path) -> Iterator[Endpoints]:
    cloud = LocalCloud(home, Ports(0, 0, 0))
    try:
        yield cloud.start()
    finally:
        cloud.erase()


def outcome(database: Database, sql: str) -> str:
    """What became of an import: the refusal's words, or nothing."""
    try:
        return str(database.ingest(sql.encode()).get("error", ""))
    except Refused as error:
        return str(error)


@pytest.mark.parametrize("name", FILES)
def test_a_large_file_is_taken_and_refused_as_a_small_one(endpoints: Endpoints, name: str) -> None:
    told, left = [], []
    for size, text in (("small", FILES[name]), ("large", PADDING + FILES[name])):
        database = Database(endpoints, f"{size}-{list(FILES).index(name)}")
        database.query(SEED)
        told.append(outcome(database, text))
        left.append(database.contents())
        # It goes on to be a database as any other.
        database.query("INSERT INTO people (name) VALUES ('after')")
    if name in OTHER_WORDS:
        assert OTHER_WORDS[name] in told[0]
        assert told[1] == "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT"
    else:
        assert told[0].partition(":")[0] == told[1].partition(":")[0]
    assert left[0] == left[1]


def test_a_database_beyond_one_call_goes_out_and_in_and_back_in_time(
    endpoints: Endpoints, tmp_path: Path
) -> None:
    database, other = Database(endpoints, "beyond"), Database(endpoints, "copy")
    database.query(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO t (text) WITH RECURSIVE "
        "n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
        "SELECT i || hex(randomblob(10000)) FROM n"
    )
    summed = "SELECT count(*) AS n, sum(length(text)) AS bytes, max(text) AS last FROM t"
    [before] = database.query(summed)
    file = tmp_path / "export.sql"
    database.export(file)
    assert file.stat().st_size > ONE_CALL
    assert other.ingest(file.read_bytes())["status"] == "complete"
    assert other.query(summed) == [before]
    bookmark = database.bookmark()
    database.query("DELETE FROM t WHERE id > 10")
    database.travel(bookmark)
    assert database.query(summed) == [before]
    database.query("INSERT INTO t (text) VALUES ('after')")


def test_what_was_replaced_is_what_a_cloud_that_starts_again_has(tmp_path: Path) -> None:
    cloud = LocalCloud(tmp_path / "cloud", Ports(0, 0, 0))
    try:
        database = Database(cloud.start(), "kept")
        database.query(SEED)
        assert outcome(database, PADDING + FILES["rows"]) == ""
        path = database.path
        cloud.stop()
        again = Database(cloud.start(), "another")
        again.path = path
        assert len(again.query("SELECT * FROM people")) == 3
    finally:
        cloud.erase()


def test_queries_wait_for_an_import_and_lose_nothing(endpoints: Endpoints) -> None:
    database = Database(endpoints, "busy")
    database.query("CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT)")
    rows = "INSERT INTO t (who) VALUES ('file');\n" * 150_000
    with ThreadPoolExecutor(2) as pool:
        imported = pool.submit(database.ingest, rows.encode())
        written = 0
        while not imported.done():
            database.query("INSERT INTO t (who) VALUES ('caller')")
            written += 1
        assert imported.result()["status"] == "complete"
    found = database.query("SELECT who = 'caller' AS caller, count(*) AS n FROM t GROUP BY 1")
    assert found == [{"caller": 0, "n": 150_000}, {"caller": 1, "n": written}]


def test_the_files_of_a_replaced_and_deleted_database_are_gone(
    endpoints: Endpoints, home: Path
) -> None:
    database = Database(endpoints, "gone")
    files = set(home.rglob("*.sqlite"))
    outcome(database, f"{PADDING}CREATE TABLE t (a)")
    assert database._client.delete(database.path).status_code == 200

    def cleared() -> bool:
        return set(home.rglob("*.sqlite")) <= files

    eventually(cleared, what="the end of its files")
