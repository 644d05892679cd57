"""Numbers and headers without an end are refused or missed in words, never with a stack trace."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers
from starlette.responses import Response

from localcloud.errors import StartFailed
from localcloud.listening import require_free
from localcloud.log_files import LogFiles
from localcloud.loopback_guard import LoopbackGuard, is_foreign_page, is_loopback_name
from localcloud.rate_limit import LIMIT_VARIABLE, MAX_LIMIT, limit_from_environment
from tests.localcloud.running_cloud import RunningCloud

ENDLESS = "9" * 5_000
REPOSITORY = "/repos/local/notification-system"


def github(cloud: RunningCloud, method: str, path: str, **options: object) -> httpx.Response:
    return cloud.http.request(method, f"{cloud.root_url}/api/v3{path}", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "path",
    [
        f"{REPOSITORY}/issues/comments/{{}}",
        f"{REPOSITORY}/pulls/{{}}",
        f"{REPOSITORY}/environments/e/deployment-branch-policies/{{}}",
    ],
)
@pytest.mark.parametrize("number", ["9223372036854775808", "9" * 100, "7"])
def test_a_number_that_no_id_of_github_has_is_not_found(
    cloud: RunningCloud, path: str, number: str
) -> None:
    policy = {"protected_branches": False, "custom_branch_policies": True}
    github(
        cloud,
        "PUT",
        f"{REPOSITORY}/environments/e",
        json={"deployment_branch_policy": policy},
    ).raise_for_status()
    answer = github(cloud, "GET", path.format(number))
    assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")


def test_a_page_of_github_without_an_end_is_the_first(cloud: RunningCloud) -> None:
    for query in (f"page={ENDLESS}", f"per_page={ENDLESS}", "page=0", "page=-1", "page=²"):
        assert github(cloud, "GET", f"{REPOSITORY}/pulls?{query}").status_code == 200, query


def test_a_branch_policy_takes_no_name_of_another(cloud: RunningCloud) -> None:
    policy = {"protected_branches": False, "custom_branch_policies": True}
    environment = f"{REPOSITORY}/environments/e"
    github(cloud, "PUT", environment, json={"deployment_branch_policy": policy})
    path = f"{environment}/deployment-branch-policies"
    github(cloud, "POST", path, json={"name": "main"})
    other = github(cloud, "POST", path, json={"name": "next"}).json()["id"]
    refused = github(cloud, "PUT", f"{path}/{other}", json={"name": "main"})
    assert refused.status_code == 303
    assert github(cloud, "GET", f"{path}/{other}").json()["name"] == "next"


@pytest.mark.parametrize("reviewer", ["reviewer-one", "1002", True, None, 1002.0])
def test_a_reviewer_is_named_by_a_number(cloud: RunningCloud, reviewer: object) -> None:
    body = {"reviewers": [{"type": "User", "id": reviewer}]}
    answer = github(cloud, "PUT", f"{REPOSITORY}/environments/e", json=body)
    assert (answer.status_code, "reviewers" in answer.json()["message"]) == (422, True)


@pytest.mark.parametrize("name", ["\u0131d", "stra\u00dfe", "1A", "A-B", "A B"])
def test_letters_that_only_become_plain_ones_in_capitals_are_refused(
    cloud: RunningCloud, name: str
) -> None:
    body = {"name": name, "value": "v"}
    assert github(cloud, "POST", f"{REPOSITORY}/actions/variables", json=body).status_code == 422


def test_a_limit_of_log_lines_is_from_one_to_a_thousand(cloud: RunningCloud) -> None:
    for limit, status in (("0", 400), ("1", 200), ("1000", 200), ("1001", 400), (ENDLESS, 400)):
        answer = cloud.http.get(f"{cloud.root_url}/local/logs?limit={limit}")
        assert answer.status_code == status, limit[:10]


def test_a_query_that_is_too_long_is_not_cut_and_run(cloud: RunningCloud) -> None:
    database = cloud.result("POST", "/d1/database", json={"name": "app"})["uuid"]
    for size, told in ((10_000, "<td>1</td>"), (10_001, "at most 10000 characters")):
        sql = "SELECT 1 AS one".ljust(size)
        page = cloud.http.get(cloud.root_url, params={"database": database, "sql": sql})
        assert told in page.text


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "null", "https://evil.example"])
def test_an_origin_that_is_none_of_this_machine_is_a_foreign_page(origin: str) -> None:
    assert is_foreign_page(Headers({"origin": origin}))


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({}, False),
        ({"origin": "http://127.0.0.1:8788"}, False),
        ({"origin": "http://[::1]:8788"}, False),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, True),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, False),
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "no-cors"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://localhost"}, False),
    ],
)
def test_a_browser_tells_whose_page_asks(headers: dict[str, str], foreign: bool) -> None:
    assert is_foreign_page(Headers(headers)) is foreign


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("LOCALHOST.:80", True),
        ("[::1]:80", True),
        ("worker.localhost", True),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:80", False),
        ("evillocalhost", False),
        ("127.0.0.2", False),
        ("", False),
    ],
)
def test_a_host_is_this_machines_by_its_name(host: str, own: bool) -> None:
    assert is_loopback_name(host) is own


@pytest.mark.parametrize(
    ("length", "status"), [("10", 204), ("11", 413), (ENDLESS, 413), ("x", 413), ("-1", 413)]
)
def test_a_length_without_an_end_is_too_large(length: str, status: int) -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-length", length.encode())],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(LoopbackGuard(Response(status_code=204), max_body=10)(scope, receive, send))
    assert sent[0]["status"] == status


@pytest.mark.parametrize("text", ["0" * 12 + "9" * 12, str(MAX_LIMIT + 1), "0", "x", ENDLESS])
def test_a_limit_of_calls_is_a_number_within_bounds(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, str(MAX_LIMIT))
    assert limit_from_environment() == MAX_LIMIT
    monkeypatch.setenv(LIMIT_VARIABLE, text)
    with pytest.raises(StartFailed, match="give a number of requests"):
        limit_from_environment()


def test_a_line_of_a_log_that_is_no_event_is_left_out(tmp_path: Path) -> None:
    logs = LogFiles(tmp_path)
    logs.write(['{"level": "info", "message": "one"}', "5", "[]", '"text"', '{"cut', "null"])
    logs.write(['{"level": "WARN", "message": "two"}'])
    assert [event["message"] for event in logs.newest(limit=10)] == ["one", "two"]
    assert [event["message"] for event in logs.newest(limit=1)] == ["two"]
    assert [event["message"] for event in logs.newest(limit=10, level="warn")] == ["two"]
    logs.close()


def test_a_port_that_two_ask_for_is_told_before_anything_starts() -> None:
    with pytest.raises(StartFailed, match=r"control and sink are both 9000.*--control-port --sink"):
        require_free({"control": 9000, "edge": 0, "sink": 9000})
    require_free({"control": 0, "edge": 0, "sink": 0})
