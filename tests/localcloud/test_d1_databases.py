"""D1 databases and their query endpoints."""

from __future__ import annotations

from typing import Any

import pytest

from tests.localcloud.running_cloud import RunningCloud


@pytest.fixture
def database(cloud: RunningCloud) -> str:
    """The path of a new database."""
    found = cloud.result("POST", "/d1/database", json={"name": "db"})
    return f"/d1/database/{found['uuid']}"


def test_a_name_is_unique_in_the_account(cloud: RunningCloud, database: str) -> None:
    assert cloud.error("POST", "/d1/database", json={"name": "db"}) == (400, 7502)


def test_the_list_is_filtered_by_name_and_paged(cloud: RunningCloud) -> None:
    for name in ("app", "app-dev", "other"):
        cloud.result("POST", "/d1/database", json={"name": name})
    named = cloud.result("GET", "/d1/database?name=app")
    assert sorted(found["name"] for found in named) == ["app", "app-dev"]
    first = cloud.result("GET", "/d1/database?per_page=2")
    answer = cloud.account("GET", "/d1/database?page=2&per_page=2").json()
    names = [found["name"] for found in (*first, *answer["result"])]
    assert (len(first), sorted(names)) == (2, ["app", "app-dev", "other"])
    assert answer["result_info"]["total_pages"] == 2
    assert cloud.error("GET", "/d1/database?page=0") == (400, 7400)


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, 7, None])
def test_a_bad_name_is_refused(shared: RunningCloud, name: Any) -> None:
    assert shared.error("POST", "/d1/database", json={"name": name}) == (400, 7400)


def test_a_null_read_replication_is_refused_as_cloudflare_does(cloud: RunningCloud) -> None:
    body = {"name": "db", "read_replication": None}
    assert cloud.error("POST", "/d1/database", json=body) == (400, 7400)


def test_an_unknown_database_is_a_404(cloud: RunningCloud) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/query")):
        assert cloud.error(method, f"/d1/database/nope{path}", json={"sql": "x"}) == (404, 7404)


def test_several_statements_give_one_result_each(cloud: RunningCloud, database: str) -> None:
    sql = "CREATE TABLE t (x); INSERT INTO t VALUES ('a;b'), ('c'); SELECT x FROM t -- end;"
    results = cloud.result("POST", f"{database}/query", json={"sql": sql})
    assert [result["success"] for result in results] == [True, True, True]
    assert results[1]["meta"]["changes"] == 2
    assert results[2]["results"] == [{"x": "a;b"}, {"x": "c"}]
    assert cloud.result("GET", database)["num_tables"] == 1


def test_a_failing_statement_undoes_the_ones_before_it(cloud: RunningCloud, database: str) -> None:
    cloud.result("POST", f"{database}/query", json={"sql": "CREATE TABLE t (x)"})
    sql = "INSERT INTO t VALUES (1); INSERT INTO missing VALUES (2)"
    assert cloud.error("POST", f"{database}/query", json={"sql": sql}) == (400, 7500)
    (counted,) = cloud.result(
        "POST", f"{database}/query", json={"sql": "SELECT count(*) AS n FROM t"}
    )
    assert counted["results"] == [{"n": 0}]


def test_parameters_go_to_the_statements_in_order(cloud: RunningCloud, database: str) -> None:
    sql = "CREATE TABLE t (x, y); INSERT INTO t VALUES (?, ?); SELECT * FROM t WHERE x = ?"
    body = {"sql": sql, "params": ["a", None, "a"]}
    results = cloud.result("POST", f"{database}/query", json=body)
    assert results[2]["results"] == [{"x": "a", "y": None}]
    for params in (["a", "b"], ["a", "b", "c", "d"]):
        body = {"sql": "SELECT ?, ?, ?", "params": params}
        assert cloud.error("POST", f"{database}/query", json=body) == (400, 7500)


def test_a_batch_is_one_transaction(cloud: RunningCloud, database: str) -> None:
    cloud.result("POST", f"{database}/query", json={"sql": "CREATE TABLE t (x PRIMARY KEY)"})
    insert = {"sql": "INSERT INTO t VALUES (?)", "params": ["a"]}
    assert cloud.error("POST", f"{database}/query", json={"batch": [insert, insert]}) == (400, 7500)
    (found,) = cloud.result("POST", f"{database}/query", json={"sql": "SELECT * FROM t"})
    assert found["results"] == []


def test_raw_answers_columns_and_rows(cloud: RunningCloud, database: str) -> None:
    body = {"sql": "SELECT 1 AS a, 'x' AS b"}
    (found,) = cloud.result("POST", f"{database}/raw", json=body)
    assert found["results"] == {"columns": ["a", "b"], "rows": [[1, "x"]]}


def test_transactions_and_nothing_at_all_are_refused(cloud: RunningCloud, database: str) -> None:
    for sql in [
        "BEGIN",
        "/* x */ begin transaction; SELECT 1",
        "SELECT 1; SAVEPOINT s",
        "COMMIT",
        "",
        " ; ",
    ]:
        assert cloud.error("POST", f"{database}/query", json={"sql": sql}) == (400, 7500), sql


def test_replication_changes_in_place_and_the_name_stays(
    cloud: RunningCloud, database: str
) -> None:
    found = cloud.result("PATCH", database, json={"read_replication": {"mode": "auto"}})
    assert (found["read_replication"], found["name"]) == ({"mode": "auto"}, "db")


def test_deleting_removes_the_data_and_frees_the_name(cloud: RunningCloud, database: str) -> None:
    assert cloud.host.stores["d1"]
    cloud.result("DELETE", database)
    assert cloud.host.stores["d1"] == []
    assert cloud.error("GET", database) == (404, 7404)
    cloud.result("POST", "/d1/database", json={"name": "db"})


def test_a_database_that_the_runtime_refuses_is_not_stored(cloud: RunningCloud) -> None:
    cloud.host.refused_paths.add("/stores")
    assert cloud.error("POST", "/d1/database", json={"name": "db"}) == (502, 10002)
    assert cloud.local("GET", "/state")["d1_databases"] == 0
    cloud.host.refused_paths.clear()
    cloud.result("POST", "/d1/database", json={"name": "db"})


def test_tables_whose_names_begin_like_internal_ones_are_counted(
    cloud: RunningCloud, database: str
) -> None:
    sql = (
        "CREATE TABLE pcf_rates (a); CREATE TABLE sqlitex (a);"
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)"
    )
    cloud.result("POST", f"{database}/query", json={"sql": sql})
    assert cloud.result("GET", database)["num_tables"] == 3
