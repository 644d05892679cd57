"""The page at the control plane's root."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import httpx
import pytest

from localcloud.front_page import MAX_ROWS, next_run
from tests.localcloud.running_cloud import RunningCloud, deploy

HOSTILE = "<script>alert('x')</script>"


def page(cloud: RunningCloud, path: str = "/", **query: str) -> str:
    """The page as a browser without any token gets it."""
    answer = httpx.get(f"{cloud.root_url}{path}", params=query, trust_env=False)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    return answer.text


def cells(text: str) -> list[list[str]]:
    """The rows of all tables."""
    rows = re.findall(r"<tr>(.*?)</tr>", text)
    return [found for row in rows if (found := re.findall(r"<td>(.*?)</td>", row))]


def test_an_empty_account_says_so(cloud: RunningCloud) -> None:
    assert page(cloud).count("<p>None.</p>") == 5


def test_everything_that_exists_is_shown(cloud: RunningCloud) -> None:
    _, version = deploy(cloud, "shop")
    database = cloud.result("POST", "/d1/database", json={"name": "app"})["uuid"]
    cloud.result("POST", "/storage/kv/namespaces", json={"title": HOSTILE})
    queue = cloud.result("POST", "/queues", json={"queue_name": "jobs"})["queue_id"]
    cloud.send(queue, b"{}")
    cloud.result("PUT", "/workers/scripts/shop/schedules", json=[{"cron": "0 * * * *"}])
    shown = page(cloud)
    rows = cells(shown)
    assert ["shop", "http://shop.localhost:65000", version, "100 %"] in rows
    assert ["app", database] in rows
    assert ["jobs", "1", "0", ""] in rows
    (cron,) = (row for row in rows if row[0] == "shop" and row[1] == "0 * * * *")
    assert cron[2] == "never"
    assert cron[3].endswith(":00 UTC")
    assert HOSTILE not in shown
    assert "&lt;script&gt;" in shown


def test_the_box_reads_and_never_writes(cloud: RunningCloud) -> None:
    database = cloud.result("POST", "/d1/database", json={"name": "app"})["uuid"]
    path = f"/d1/database/{database}/query"
    sql = "CREATE TABLE t (a); INSERT INTO t VALUES ('<b>'), ('two')"
    cloud.result("POST", path, json={"sql": sql})
    found = page(cloud, database=database, sql="SELECT a FROM t ORDER BY a -- all;")
    assert [row for row in cells(found) if len(row) == 1] == [["&lt;b&gt;"], ["two"]]
    for attempt in (
        "DELETE FROM t",
        "INSERT INTO t VALUES (1) RETURNING a",
        "SELECT 1; DELETE FROM t",
        "SELECT 1); DELETE FROM t; SELECT (1",
        "WITH x AS (SELECT 1) DELETE FROM t",
        "DROP TABLE t",
    ):
        refused = page(cloud, database=database, sql=attempt)
        assert "<strong>" in refused or "one query" in refused, attempt
    (rows,) = cloud.result("POST", path, json={"sql": "SELECT count(*) AS n FROM t"})
    assert rows["results"] == [{"n": 2}]
    many = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
        "SELECT i FROM n"
    )
    assert len(cells(page(cloud, database=database, sql=many))) == MAX_ROWS + 1
    assert "no such database" in page(cloud, database="x", sql="SELECT 1")


def test_the_log_shows_the_newest_line_first(cloud: RunningCloud) -> None:
    folder = cloud.home.logs
    lines = [
        '{"type": "log", "script": "w", "level": "info", "timestamp": "t1", "message": "first"}',
        '{"type": "log", "script": "w", "level": "info", "timestamp": "t2", "message": "<i>"}',
    ]
    (folder / "worker.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shown = page(cloud, "/logs")
    assert shown.index("&lt;i&gt;") < shown.index("first")


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("* * * * *", "2026-11-29T06:01:00"),
        ("0 * * * *", "2026-11-29T07:00:00"),
        ("30 5 * * *", "2026-11-30T05:30:00"),
        ("0 0 1 * *", "2026-12-01T00:00:00"),
        ("0 0 1 7 *", "2027-07-01T00:00:00"),
    ],
)
def test_the_next_run_of_a_cron_is_the_first_after_now(cron: str, expected: str) -> None:
    now = datetime(2026, 11, 29, 6, 0, 30, tzinfo=UTC)
    found = next_run(cron, int(now.timestamp() * 1000))
    assert found is not None
    assert datetime.fromtimestamp(found / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") == expected
