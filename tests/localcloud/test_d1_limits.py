"""D1's limits and refusals, on the runtime that enforces them, through the API and a Worker.

Source: developers.cloudflare.com/d1/platform/limits. Each case is at the limit, then one above.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from localcloud.daemon import LocalCloud
from localcloud.endpoints import Ports

pytestmark = pytest.mark.workerd

COLUMNS = ", ".join(f"c{n}" for n in range(100))
TRIGGER = "CREATE TRIGGER {name} AFTER INSERT ON t {begin} UPDATE t SET a = 1; {end}"


BIG_PAIR = ("x" * 1_500_000, "y" * 1_500_000)
WIDE = ", ".join(f"c{n}" for n in range(40))


class Database:
    """One database of a local cloud."""

    def __init__(self, cloud: LocalCloud) -> None:
        endpoints = cloud.start()
        self.http = httpx.Client(
            base_url=f"{endpoints.control_url}/accounts/{endpoints.account_id}",
            headers={"Authorization": f"Bearer {endpoints.api_token}"},
            timeout=120,
            trust_env=False,
        )
        uuid = self.http.post("/d1/database", json={"name": "limits"}).json()["result"]["uuid"]
        self.path = f"/d1/database/{uuid}/query"
        for table in ("t (a)", "pair (a, b)"):
            assert self.query(f"CREATE TABLE {table}") is None

    def query(self, sql: str, *params: Any) -> str | None:
        """Run a statement; returns None, or the error's text."""
        answer = self.http.post(self.path, json={"sql": sql, "params": params})
        document = answer.json()
        if answer.status_code == 200:
            return None
        (error,) = document["errors"]
        assert (answer.status_code, error["code"]) == (400, 7500), document
        return str(error["message"])


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database for all tests of this file."""
    cloud = LocalCloud(tmp_path_factory.mktemp("limits") / "home", Ports(0, 0, 0))
    try:
        yield Database(cloud)
    finally:
        cloud.erase()


CASES: list[tuple[str, tuple[str, tuple[Any, ...]], tuple[str, tuple[Any, ...]], str]] = [
    (
        "statement length",
        ("SELECT '" + "x" * (100_000 - 9) + "'", ()),
        ("SELECT '" + "x" * (100_000 - 8) + "'", ()),
        "too long",
    ),
    (
        "bound parameters",
        ("SELECT " + ",".join("?" * 100), ("v",) * 100),
        ("SELECT " + ",".join("?" * 101), ("v",) * 101),
        "parameter",
    ),
    (
        "columns of a table",
        (f"CREATE TABLE wide ({COLUMNS})", ()),
        (f"CREATE TABLE wider ({COLUMNS}, more)", ()),
        "too many columns",
    ),
    (
        "bytes of a LIKE pattern",
        ("SELECT 'x' LIKE ?", ("y" * 50,)),
        ("SELECT 'x' LIKE ?", ("y" * 51,)),
        "pattern too complex",
    ),
    (
        "bytes of a value",
        ("INSERT INTO t VALUES (?)", ("x" * 2_000_000,)),
        ("INSERT INTO t VALUES (?)", ("x" * 2_000_001,)),
        "too big",
    ),
    (
        "bytes of a value with wide characters",
        ("INSERT INTO t VALUES (?)", ("\u20ac" * 666_666,)),
        ("INSERT INTO t VALUES (?)", ("\u20ac" * 666_667,)),
        "too big",
    ),
    (
        "bytes of a row that is added",
        ("INSERT INTO pair VALUES (?, ?)", ("x" * 1_000_000, "y" * 1_000_000)),
        ("INSERT INTO pair VALUES (?, ?)", ("x" * 1_000_000, "y" * 1_000_001)),
        "too big",
    ),
    (
        "bytes of a row that is changed",
        ('UPDATE "pair" SET b = ?', ("y" * 1_000_000,)),
        ('UPDATE "pair" SET b = ?', ("y" * 1_000_001,)),
        "too big",
    ),
    (
        "bytes of a row that SQL makes",
        ("INSERT INTO pair VALUES (zeroblob(1000000), zeroblob(1000000))", ()),
        ("INSERT INTO pair VALUES (zeroblob(1000000), zeroblob(1000001))", ()),
        "too big",
    ),
    (
        "bytes of a row among small ones",
        ("INSERT INTO pair SELECT zeroblob(1), zeroblob(2) FROM t LIMIT 3", ()),
        ("WITH w AS (SELECT 1) INSERT OR REPLACE INTO [pair] SELECT ?, ? FROM w", BIG_PAIR),
        "too big",
    ),
    (
        "bytes of a row that is changed behind many comments",
        ("/**/" * 60 + "/* **/UPDATE pair SET b = ?", ("y" * 1_000_000,)),
        ("/**/" * 60 + "/* **/UPDATE pair SET b = ?", ("y" * 1_000_001,)),
        "too big",
    ),
    (
        "work on many comments before a statement that changes no row",
        ("/**/" * 60 + "SELECT length(?)", ("y" * 1_000_000,)),
        ("/**/" * 60 + "SELECT length(?)", ("y" * 2_000_001,)),
        "too big",
    ),
    (
        "arguments of a function",
        (f"SELECT coalesce({', '.join('0' * 32)}), max(1, min({', '.join('0' * 32)}))", ()),
        (f"SELECT 'coalesce(', max(1, coalesce ({', '.join('0' * 33)}))", ()),
        "too many arguments on function coalesce",
    ),
    (
        "case of a trigger's BEGIN",
        (TRIGGER.format(name="upper", begin="BEGIN", end="END"), ()),
        (TRIGGER.format(name="lower", begin="begin", end="end"), ()),
        "incomplete input",
    ),
    ("transactions", ("SELECT 1", ()), ("BEGIN TRANSACTION", ()), "transaction"),
    ("savepoints", ("SELECT 1", ()), ("SAVEPOINT s", ()), "transaction"),
    ("other files", ("SELECT 1", ()), ("ATTACH DATABASE ':memory:' AS m", ()), "not authorized"),
    ("vacuum", ("SELECT 1", ()), ("VACUUM", ()), ""),
    ("unsafe pragmas", ("PRAGMA table_list", ()), ("PRAGMA journal_mode = OFF", ()), "not auth"),
    ("named parameters", ("SELECT ?1", ("v",)), ("SELECT :name", ("v",)), "parameter"),
]


@pytest.mark.parametrize(
    ("within", "above", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_d1_takes_what_is_within_the_limit_and_refuses_what_is_above(
    database: Database,
    within: tuple[str, tuple[Any, ...]],
    above: tuple[str, tuple[Any, ...]],
    said: str,
) -> None:
    assert database.query(within[0], *within[1]) is None
    refused = database.query(above[0], *above[1])
    assert refused is not None
    assert said in refused


def test_a_row_beyond_the_limit_leaves_nothing_of_its_batch(database: Database) -> None:
    assert database.query("CREATE TABLE whole (a, b)") is None
    batch = [
        {"sql": "INSERT INTO whole VALUES (1, 2)"},
        {"sql": "INSERT INTO whole VALUES (?, ?)", "params": BIG_PAIR},
    ]
    answer = database.http.post(database.path, json={"batch": batch})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, 7500)
    count = database.http.post(database.path, json={"sql": "SELECT count(*) AS n FROM whole"})
    assert count.json()["result"][0]["results"] == [{"n": 0}]


@pytest.mark.parametrize("name", ["max", "format"])
def test_a_table_with_many_columns_and_the_name_of_a_function_is_no_call(
    database: Database, name: str
) -> None:
    assert database.query(f"CREATE TABLE {name} ({WIDE})") is None
    values = ", ".join("1" * 40)
    statement = f"INSERT INTO {name} ({WIDE}) VALUES ({values})"  # noqa: S608  constants
    assert database.query(statement) is None


@pytest.mark.soak
def test_a_query_beyond_thirty_seconds_is_ended_and_the_database_answers_again(
    database: Database,
) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    refused = database.query(endless)
    assert refused == "D1 DB exceeded its CPU time limit and was reset."
    assert database.query("SELECT 1") is None
