"""What the local APIs take at each bound, and refuse beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from localcloud.errors import StartFailed
from localcloud.github import actions_secrets, actions_variables
from localcloud.plan import (
    FREE_CRONS,
    MAX_SUBREQUESTS,
    PAID_CRONS,
    is_free_plan,
    subrequest_limits,
)
from localcloud.server import kv_delay_ms
from tests.localcloud.running_cloud import RunningCloud, deploy
from tests.localcloud.test_github_api import REPOSITORY, Client


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A control plane with a Worker."""
    with RunningCloud(Path(tmp_path_factory.mktemp("bounds")) / "home") as running:
        deploy(running)
        yield running


@pytest.fixture(scope="module")
def queue(own: RunningCloud) -> str:
    """The path of a queue."""
    return f"/queues/{own.result('POST', '/queues', json={'queue_name': 'jobs'})['queue_id']}"


class Bound(NamedTuple):
    """A field with values at its bounds, and beyond them."""

    field: str
    fits: tuple[Any, ...]
    beyond: tuple[Any, ...]


SETTINGS = [
    Bound("delivery_delay", (0, 86_400), (-1, 86_401, 1.5)),
    Bound("message_retention_period", (60, 1_209_600), (59, 1_209_601)),
]
CONSUMER = [
    Bound("batch_size", (1, 100), (0, 101)),
    Bound("max_concurrency", (1, 250, None), (0, 251)),
    Bound("max_retries", (0, 100), (-1, 101)),
    Bound("max_wait_time_ms", (0, 60_000), (-1, 60_001)),
    Bound("retry_delay", (0, 86_400), (-1, 86_401)),
]


def status(cloud: RunningCloud, method: str, path: str, body: Any) -> int:
    url = f"{cloud.endpoints.control_url}/accounts/{cloud.endpoints.account_id}{path}"
    return cloud.http.request(method, url, json=body).status_code


@pytest.mark.parametrize("bound", SETTINGS, ids=lambda each: each.field)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_queues_settings_have_cloudflares_bounds(
    own: RunningCloud, queue: str, bound: Bound, method: str
) -> None:
    for value in bound.fits:
        body = {"queue_name": "jobs", "settings": {bound.field: value}}
        assert status(own, method, queue, body) == 200
    for value in bound.beyond:
        body = {"queue_name": "jobs", "settings": {bound.field: value}}
        assert status(own, method, queue, body) == 400


@pytest.mark.parametrize("bound", CONSUMER, ids=lambda each: each.field)
def test_a_consumers_settings_have_cloudflares_bounds(
    own: RunningCloud, queue: str, bound: Bound
) -> None:
    consumers = f"{queue}/consumers"
    for value in bound.fits:
        body = {"type": "worker", "script_name": "w", "settings": {bound.field: value}}
        made = own.result("POST", consumers, json=body)
        assert made["settings"].get(bound.field) == value
        own.result("DELETE", f"{consumers}/{made['consumer_id']}")
    for value in bound.beyond:
        body = {"type": "worker", "script_name": "w", "settings": {bound.field: value}}
        assert status(own, "POST", consumers, body) == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "fits", "beyond"),
    [
        ("POST", "/queues", {}, "queue_name", "q" * 63, "q" * 64),
        ("POST", "/d1/database", {}, "name", "d" * 64, "d" * 65),
        ("POST", "/d1/database", {}, "name", "9", "_d"),
        ("POST", "/storage/kv/namespaces", {}, "title", "k" * 512, "k" * 513),
        ("POST", "/storage/kv/namespaces", {}, "title", "k", ""),
        ("PUT", "/workers/scripts/w/secrets", {"type": "secret_text", "text": ""}, "name",
         "S" * 255, "S" * 256),
        ("PUT", "/workers/scripts/w/secrets", {"type": "secret_text", "name": "S"}, "text",
         "x" * 5120, "x" * 5121),
    ],
)  # fmt: skip
def test_names_and_texts_have_cloudflares_lengths(
    own: RunningCloud, method: str, path: str, body: Any, field: str, fits: str, beyond: str
) -> None:
    assert status(own, method, path, {**body, field: beyond}) == 400
    assert status(own, method, path, {**body, field: fits}) in {200, 201}


@pytest.mark.parametrize("scope", ["/actions", "/environments/bounds"])
def test_githubs_variables_and_secrets_hold_48_kb(own: RunningCloud, scope: str) -> None:
    github = Client(own)
    github("PUT", f"{REPOSITORY}/environments/bounds", {})
    most = 48 * 1024
    assert (most, most) == (actions_variables.MAX_VALUE_BYTES, actions_secrets.MAX_VALUE_BYTES)
    path = f"{REPOSITORY}{scope}/variables"
    assert github("POST", path, {"name": "V", "value": "\u20ac" * (most // 3)}).status_code == 201
    for refused in (
        github("POST", path, {"name": "W", "value": "\u20ac" * (most // 3) + "x"}),
        github("PATCH", f"{path}/V", {"value": "x" * (most + 1)}),
    ):
        assert refused.status_code == 422
        assert refused.json()["message"] == "Variable values cannot be larger than 49152 bytes"
    secret = f"{REPOSITORY}{scope}/secrets/S"
    assert github("PUT", secret, github.sealed(scope, "x" * most)).status_code == 201
    assert github("PUT", secret, github.sealed(scope, "x" * (most + 1))).status_code == 422


@pytest.mark.parametrize("missing", ["name", "value"])
def test_a_variable_without_a_part_is_refused(own: RunningCloud, missing: str) -> None:
    body = {name: "X" for name in ("name", "value") if name != missing}
    refused = Client(own)("POST", f"{REPOSITORY}/actions/variables", body)
    assert refused.status_code == 422
    assert missing in refused.json()["message"]


def test_a_comment_has_65536_characters(own: RunningCloud) -> None:
    github, path = Client(own), f"{REPOSITORY}/issues/9/comments"
    made = github("POST", path, {"body": "\u20ac" * 65_536})
    assert made.status_code == 201
    one = f"{REPOSITORY}/issues/comments/{made.json()['id']}"
    for refused in (
        github("POST", path, {"body": "x" * 65_537}),
        github("PATCH", one, {"body": "x" * 65_537}),
    ):
        assert refused.status_code == 422
        assert refused.json()["errors"] == [
            {"field": "body", "message": "body is too long (maximum is 65536 characters)"}
        ]
    assert github("GET", one).json()["body"] == "\u20ac" * 65_536
    assert github("DELETE", one).status_code == 204
    assert github("GET", one).status_code == 404
    assert github("DELETE", one).status_code == 404


@pytest.mark.parametrize(
    ("field", "fits", "beyond"),
    [
        ("wait_timer", 0, -1),
        ("wait_timer", 43_200, 43_201),
        (
            "reviewers",
            [{"type": "User", "id": 1002 + at} for at in range(4)],
            [{"type": "User", "id": 1002} for _ in range(7)],
        ),
    ],
)
def test_an_environment_has_githubs_bounds(
    own: RunningCloud, field: str, fits: Any, beyond: Any
) -> None:
    github, path = Client(own), f"{REPOSITORY}/environments/edges"
    assert github("PUT", path, {field: beyond}).status_code == 422
    assert github("PUT", path, {field: fits}).status_code == 200
    named = f"{REPOSITORY}/environments/"
    assert github("PUT", named + "e" * 255, {}).status_code == 200
    assert github("PUT", named + "e" * 256, {}).status_code == 422


@pytest.mark.parametrize(
    ("query", "shown", "link"),
    [
        ("", 10, "next=2 last=2"),
        ("per_page=5", 5, "next=2 last=3"),
        ("per_page=5&page=2", 5, "next=3 last=3 prev=1 first=1"),
        ("per_page=5&page=3", 2, "prev=2 first=1"),
        ("per_page=5&page=4", 0, "prev=3 first=1"),
        ("per_page=12", 12, ""),
        ("per_page=31", 12, ""),
        ("per_page=0&page=0", 10, "next=2 last=2"),
        ("per_page=-1&page=x", 10, "next=2 last=2"),
        ("page=1000000000", 10, "next=2 last=2"),
        ("page=999999999", 0, "prev=999999998 first=1"),
    ],
)
def test_githubs_pages_lead_to_each_other(
    cloud_of_variables: Client, query: str, shown: int, link: str
) -> None:
    answer = cloud_of_variables("GET", f"{REPOSITORY}/actions/variables?{query}")
    assert len(answer.json()["variables"]) == shown
    links = answer.links
    found = {name: httpx.URL(each["url"]).params["page"] for name, each in links.items()}
    assert found == dict(part.split("=") for part in link.split())


@pytest.fixture(scope="module")
def cloud_of_variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A repository with twelve variables."""
    with RunningCloud(Path(tmp_path_factory.mktemp("pages")) / "home") as running:
        github = Client(running)
        for number in range(12):
            body = {"name": f"V{number:02}", "value": "x"}
            assert github("POST", f"{REPOSITORY}/actions/variables", body).status_code == 201
        yield github


@pytest.mark.parametrize(("value", "delay"), [("", 60_000), ("immediate", 0)])
def test_kvs_delay_is_hidden_by_one_word(
    monkeypatch: pytest.MonkeyPatch, value: str, delay: int
) -> None:
    monkeypatch.setenv("NOTIFICATION_LOCAL_KV", value)
    assert kv_delay_ms() == delay
    monkeypatch.setenv("NOTIFICATION_LOCAL_KV", "x" * 41)
    with pytest.raises(StartFailed) as refused:
        kv_delay_ms()
    assert f"'{'x' * 40}': give 'immediate'" in str(refused.value)


def test_a_branch_policy_is_made_once_renamed_and_deleted(own: RunningCloud) -> None:
    github = Client(own)
    custom = {"protected_branches": False, "custom_branch_policies": True}
    environment = f"{REPOSITORY}/environments/policies"
    policies = f"{environment}/deployment-branch-policies"
    github("PUT", environment, {})
    assert github("POST", policies, {"name": "main"}).status_code == 404
    github("PUT", environment, {"deployment_branch_policy": custom})
    made = github("POST", policies, {"name": "main"}).json()
    assert made == {
        "id": made["id"],
        "node_id": f"GP_{made['id']}",
        "name": "main",
        "type": "branch",
    }
    tag = github("POST", policies, {"name": "v*", "type": "tag"}).json()
    assert tag["type"] == "tag"
    refused = github("POST", policies, {"name": "x", "type": "commit"})
    assert (refused.status_code, refused.json()["errors"]) == (
        *(422, ["Type must be branch or tag"]),
    )
    assert github("POST", policies, {}).status_code == 422
    taken = github("POST", policies, {"name": "main"})
    assert (taken.status_code, taken.json()["message"]) == (
        *(303, "The branch name pattern already exists"),
    )
    github("POST", policies, {"name": "dev"})
    one = f"{policies}/{made['id']}"
    assert github("PUT", one, {"name": "dev"}).status_code == 303
    assert github("PUT", one, {"name": ""}).status_code == 422
    assert github("PUT", one, {"name": "next"}).json()["name"] == "next"
    listed = github("GET", f"{policies}?per_page=2").json()
    assert listed["total_count"] == 3
    assert [each["name"] for each in listed["branch_policies"]] == ["next", "v*"]
    assert github("DELETE", one).status_code == 204
    assert github("GET", one).status_code == 404


def test_accounts_are_found_by_their_names(own: RunningCloud) -> None:
    github = Client(own)
    me = github("GET", "/user").json()
    assert (me["login"], me["id"], me["type"]) == ("local-operator", 1001, "User")
    assert (me["two_factor_authentication"], me["total_private_repos"]) == (True, 0)
    for login in ("reviewer-one", "Reviewer-One"):
        assert github("GET", f"/users/{login}").json()["id"] == 1002
        assert github("GET", f"/users/{login}/keys").json() == []
    assert github("GET", "/users/local").json()["type"] == "Organization"
    organization = github("GET", "/orgs/LOCAL").json()
    assert (organization["login"], organization["id"]) == ("local", 1000)
    for path in ("/users/1002", "/users/nobody", "/users/nobody/keys", "/orgs/other"):
        assert github("GET", path).status_code == 404
    repository = github("GET", REPOSITORY).json()
    assert (repository["id"], repository["private"]) == (4200, True)
    assert repository["default_branch"] == "main"
    assert repository["permissions"] == dict.fromkeys(
        ("admin", "maintain", "push", "triage", "pull"), True
    )
    flags = {repository[name] for name in ("fork", "archived", "disabled", "has_pages")}
    assert flags == {False}


def test_a_wrong_scheme_or_verb_is_answered_as_github_does(own: RunningCloud) -> None:
    token = own.endpoints.api_token
    url = f"{own.root_url}/api/v3/user"
    for scheme, status in (("Bearer", 200), ("token", 200), ("TOKEN", 200), ("Basic", 401)):
        headers = {"Authorization": f"{scheme} {token}"}
        assert httpx.get(url, headers=headers, trust_env=False).status_code == status
    refused = Client(own)("DELETE", "/user")
    assert (refused.status_code, refused.json()["message"]) == (404, "Not Found")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Give either sql, with params, or batch."),
        ({"sql": "SELECT 1", "batch": []}, "Give either sql, with params, or batch."),
        ({"sql": "SELECT ?1", "params": []}, "1 wanted, 0 given, at most 100."),
        ({"sql": "SELECT ?1", "params": ["a", "b"]}, "SQL query: 1 too many."),
        ({"sql": "SELECT ?1; SELECT ?1, ?2", "params": ["a", "b"]}, "2 wanted, 1 given"),
        ({"sql": "SELECT ?101", "params": ["a"] * 101}, "101 wanted, 101 given, at most 100."),
        ({"sql": "SELECT :a", "params": ["a"]}, "Named parameter :a isn't supported"),
        ({"sql": "-- nothing"}, "No SQL statements detected."),
        ({"sql": "SELECT '" + "x" * 100_000 + "'"}, "statement too long: SQLITE_TOOBIG"),
    ],
)
def test_values_and_statements_have_to_match(
    own: RunningCloud, database: str, body: Any, words: str
) -> None:
    answer = own.account("POST", f"{database}/query", json=body)
    assert answer.status_code == 400
    assert words in answer.json()["errors"][0]["message"]


@pytest.fixture(scope="module")
def database(own: RunningCloud) -> str:
    """The path of a D1 database."""
    return f"/d1/database/{own.result('POST', '/d1/database', json={'name': 'values'})['uuid']}"


def test_each_statement_takes_its_own_values(own: RunningCloud, database: str) -> None:
    body = {"sql": "SELECT ?1 AS a; SELECT ?2 AS b, ?1 AS a", "params": ["x", "y", "z"]}
    results = own.result("POST", f"{database}/query", json=body)
    assert [each["results"] for each in results] == [[{"a": "x"}], [{"b": "z", "a": "y"}]]
    hundred = {"sql": f"SELECT {', '.join('?' * 100)}", "params": ["a"] * 100}
    assert own.result("POST", f"{database}/raw", json=hundred)
    two = {"batch": [{"sql": "SELECT ?", "params": ["a"]}, {"sql": "SELECT 1"}]}
    assert len(own.result("POST", f"{database}/query", json=two)) == 2


@pytest.mark.parametrize(
    ("pattern", "status"),
    [
        ("", 400),
        ("a", 400),
        ("example.test/" + "x" * 1011, 200),
        ("example.test/" + "x" * 1012, 400),
    ],
)
def test_a_routes_pattern_is_a_host_with_a_path_of_1024_characters(
    own: RunningCloud, pattern: str, status: int
) -> None:
    zone = own.http.get("/zones").json()["result"][0]["id"]
    path, body = f"/zones/{zone}/workers/routes", {"pattern": pattern, "script": "w"}
    made = own.http.post(path, json=body)
    assert made.status_code == status
    assert ("pattern" in str(made.json()["errors"])) is (status == 400)
    placed = own.account("PUT", "/workers/scripts/w/routes", json=[body])
    assert placed.status_code == status


@pytest.mark.parametrize(
    ("plan", "limits", "granted"),
    [
        ("", None, None),
        ("paid", {}, None),
        ("paid", {"cpu_ms": 5}, None),
        ("paid", {"subrequests": 7}, {"external": 7, "internal": 7}),
        ("free", None, {"external": 50, "internal": 1000}),
        ("free", {"subrequests": 7}, {"external": 50, "internal": 1000}),
    ],
)
def test_a_plan_grants_so_many_subrequests(
    plan: str, limits: dict[str, int] | None, granted: dict[str, int] | None
) -> None:
    free_plan = is_free_plan({"NOTIFICATION_LOCAL_PLAN": plan})
    assert free_plan is (plan == "free")
    assert subrequest_limits({"limits": limits}, free_plan=free_plan) == granted
    assert (FREE_CRONS, PAID_CRONS, MAX_SUBREQUESTS) == (5, 250, 10_000_000)


def test_another_plan_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(StartFailed) as refused:
        is_free_plan({"NOTIFICATION_LOCAL_PLAN": "p" * 41})
    assert str(refused.value).endswith(f"is '{'p' * 40}': give 'free' or 'paid'.")
    assert is_free_plan({}) is False
