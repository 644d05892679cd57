"""The GraphQL Analytics API and the queues' figures."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from localcloud.endpoints import ACCOUNT_ID
from tests.localcloud.running_cloud import RunningCloud
from tests.localcloud.test_account_tokens import holder, mint, policy

QUERY = """
query Figures($account: string!, $script: string!, $since: Time!) { # as people write it
  viewer { accounts(filter: {accountTag: $account}) {
    workersInvocationsAdaptive(limit: 10, filter: {scriptName: $script, datetime_geq: $since}) {
      dimensions { scriptVersion } sum { requests errors }
      quantiles { cpuTimeP99, wallTimeP50, wallTimeP99 }
    }
  } }
}
"""
HOUR = 1_795_315_200_000  # 2026-11-22T02:40:00Z


def minute(version: str, start: int, **changes: Any) -> dict[str, Any]:
    """What the host counts in one minute."""
    counts = {"requests": 2, "errors": 0, "durations": [10.0, 30.0]}
    return {"version": version, "script": "w", "start": start, **counts, **changes}


def ask(cloud: RunningCloud, query: str = QUERY, **changes: Any) -> dict[str, Any]:
    """Post a query and return the whole answer."""
    variables = {"account": ACCOUNT_ID, "script": "w", "since": "2026-11-22T02:40:00Z", **changes}
    answer = cloud.http.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def groups(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The groups of the only account."""
    assert answer["errors"] is None, answer
    (account,) = answer["data"]["viewer"]["accounts"]
    found: list[dict[str, Any]] = account["workersInvocationsAdaptive"]
    return found


def test_requests_are_summed_by_what_the_query_groups_them_by(cloud: RunningCloud) -> None:
    cloud.host.invocations = [
        minute("a", HOUR - 120_000, requests=90),
        minute("a", HOUR),
        minute("a", HOUR + 60_000, requests=3, errors=1, durations=[20.0, 40.0, 500.0]),
        minute("b", HOUR),
        minute("c", HOUR, script="other"),
    ]
    first, second = groups(ask(cloud))
    assert first["dimensions"] == {"scriptVersion": "a"}
    assert first["sum"] == {"requests": 5, "errors": 1}
    quantiles = {"cpuTimeP99": None, "wallTimeP50": 30_000, "wallTimeP99": 500_000}
    assert first["quantiles"] == quantiles
    assert (second["dimensions"], second["sum"]["requests"]) == ({"scriptVersion": "b"}, 2)


def test_no_requests_are_no_groups(cloud: RunningCloud) -> None:
    assert groups(ask(cloud)) == []


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{ viewer { accounts", "ends too early"),
        ("{ viewer { zones { x } } }", "only viewer"),
        (QUERY.replace("requests", "profits"), 'unknown field "profits"'),
        (QUERY.replace("scriptVersion", "coloCode"), 'unknown field "coloCode"'),
        (QUERY.replace("workersInvocationsAdaptive", "d1Queries"), 'unknown field "d1Queries"'),
        (QUERY.replace("datetime_geq", "date_geq"), 'unknown filter "date_geq"'),
        (QUERY.replace("$since}", "$nobody}"), "$nobody has no value"),
        (QUERY + "{ viewer }", "more than one"),
        (QUERY + "\\", "can't be read"),
        (QUERY.replace("{accountTag: $account}", '"x"'), "no access"),
        (QUERY.replace("limit: 10", "limit: true"), "limit must be a positive number"),
        (QUERY.replace("limit: 10", "limit: 0"), "limit must be a positive number"),
        (QUERY.replace("limit: 10", f"limit: {'9' * 5_000}"), "a name is missing"),
        (QUERY.replace("{scriptName: $script, datetime_geq: $since}", "7"), "must be an object"),
        (QUERY.replace("$since}", "$since, AND: [7]}"), "must be an object"),
        (QUERY.replace("$since}", "$since, AND: [{size: 1}]}"), 'unknown filter "size"'),
        (QUERY.replace("scriptName: $script", "scriptName: " + "[" * 5_000), "too deep"),
        (QUERY.replace("scriptName: $script", "scriptName: " + "{a: " * 5_000), "too deep"),
    ],
)
def test_what_isnt_there_is_an_error_and_no_empty_answer(
    cloud: RunningCloud, query: str, told: str
) -> None:
    answer = ask(cloud, query)
    assert answer["data"] is None
    assert told in answer["errors"][0]["message"]


def test_a_time_without_a_zone_is_utc(cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        cloud.host.invocations = [minute("a", HOUR)]
        assert len(groups(ask(cloud, since="2026-11-22T02:40:00"))) == 1
        assert groups(ask(cloud, since="2026-11-22T02:41:00")) == []
    finally:
        monkeypatch.undo()
        time.tzset()


def test_other_accounts_and_wrong_times_are_refused(cloud: RunningCloud) -> None:
    assert "no access" in ask(cloud, account="0" * 32)["errors"][0]["message"]
    assert "no time" in ask(cloud, since="yesterday")["errors"][0]["message"]


def test_a_token_needs_the_permission_for_analytics(cloud: RunningCloud) -> None:
    variables = {"account": ACCOUNT_ID, "script": "w", "since": "2026-11-22T02:40:00Z"}
    for group, status in (("Workers Scripts Read", 403), ("Account Analytics Read", 200)):
        token = mint(cloud, policy(group))
        with holder(cloud, token["value"]) as caller:
            answer = caller.post(
                f"{cloud.endpoints.control_url}/graphql",
                json={"query": QUERY, "variables": variables},
            )
        assert answer.status_code == status, answer.text


def test_a_queue_tells_what_waits_in_it(cloud: RunningCloud) -> None:
    queue = cloud.result("POST", "/queues", json={"queue_name": "jobs"})["queue_id"]
    empty = {"backlog_bytes": 0, "backlog_count": 0, "oldest_message_timestamp_ms": 0}
    assert cloud.result("GET", f"/queues/{queue}/metrics") == empty
    cloud.send(queue, b"12345").raise_for_status()
    found = cloud.result("GET", f"/queues/{queue}/metrics")
    assert (found["backlog_count"], found["backlog_bytes"]) == (1, 5)
    assert found["oldest_message_timestamp_ms"] > 0
    assert cloud.error("GET", "/queues/nope/metrics") == (404, 11000)


def point(route: str, status: int, at: int, dataset: str = "calls") -> dict[str, Any]:
    """What a Worker wrote to a data set of Analytics Engine."""
    return {
        "dataset": dataset,
        "at": at,
        "index": route,
        "blobs": [route, str(status)],
        "doubles": [float(status), 2.5],
    }


def sql(cloud: RunningCloud, query: str, token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    path = f"/accounts/{ACCOUNT_ID}/analytics_engine/sql"
    return cloud.http.post(path, content=query, headers=headers)


def test_points_are_counted_by_sql_within_a_window(cloud: RunningCloud) -> None:
    now = int(time.time() * 1000)
    cloud.host.points = [
        point("/a", 200, now - 60_000),
        point("/a", 500, now - 60_000),
        point("/b", 200, now - 60_000),
        point("/a", 500, now - 7_200_000),
        point("/a", 500, now - 60_000, "others"),
    ]
    found = sql(
        cloud,
        "SELECT blob1 AS route, SUM(_sample_interval) AS calls,"
        " SUM(IF(double1 >= 500, _sample_interval, 0)) AS failed FROM calls"
        " WHERE timestamp > NOW() - INTERVAL '1' HOUR GROUP BY route ORDER BY route FORMAT JSON",
    ).json()
    assert found["data"] == [
        {"route": "/a", "calls": 2, "failed": 1},
        {"route": "/b", "calls": 1, "failed": 0},
    ]
    assert [column["name"] for column in found["meta"]] == ["route", "calls", "failed"]
    assert found["rows"] == 2
    newest = sql(cloud, "SELECT blob1 AS route, MAX(timestamp) AS last FROM calls GROUP BY route")
    assert [column["type"] for column in newest.json()["meta"]] == ["String", "DateTime"]
    assert {len(found["last"]) for found in newest.json()["data"]} == {19}
    (latest,) = sql(cloud, "SELECT timestamp, blob3 FROM calls LIMIT 1").json()["data"]
    assert latest["blob3"] == ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", latest["timestamp"])


def test_numbers_without_an_end_are_null_and_times_beyond_the_type_numbers(
    cloud: RunningCloud,
) -> None:
    cloud.host.points = [point("/a", 200, 1_000)]
    query = "SELECT 1e999 AS big, 9999999999 AS timestamp FROM calls"
    assert sql(cloud, query).json()["data"] == [{"big": None, "timestamp": 9_999_999_999}]


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE calls",
        "SELECT 1",
        "SELECT 1 FROM calls; SELECT 2 FROM calls",
        "SELECT x'00' AS blob FROM calls",
        "SELECT nothing FROM calls",
        "SELECT 1 FROM calls FORMAT CSV",
        "INSERT INTO calls SELECT * FROM calls",
        "SELECT * FROM calls JOIN sqlite_master",
        "ATTACH 'x' AS y; SELECT 1 FROM calls",
        "SELECT " + "1," * 10_000 + "1 FROM calls",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) SELECT count(*) FROM r",
        "",
    ],
)
def test_what_is_no_query_over_a_data_set_is_refused_in_words(
    cloud: RunningCloud, query: str
) -> None:
    cloud.host.points = [point("/a", 200, 1_000)]
    refused = sql(cloud, query)
    assert refused.status_code == 422
    assert refused.text


def test_sql_needs_the_permission_to_read_analytics(cloud: RunningCloud) -> None:
    query = "SELECT 1 FROM calls"
    path = f"/accounts/{ACCOUNT_ID}/analytics_engine/sql"
    for group, status in (("Account Analytics Read", 200), ("D1 Read", 403)):
        token = mint(cloud, policy(group))
        with holder(cloud, token["value"]) as caller:
            answer = caller.post(f"{cloud.endpoints.control_url}{path}", content=query)
        assert answer.status_code == status, answer.text
