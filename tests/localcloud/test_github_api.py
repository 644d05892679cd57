"""The local GitHub API refuses what GitHub refuses, and keeps what it is given."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import httpx
import pytest
from nacl.public import PrivateKey, PublicKey, SealedBox

from tests.localcloud.running_cloud import RunningCloud

REPOSITORY = "/repos/local/notification-system"
CANARY = "canary-8c1f0a"


class Client:
    """Calls below /api/v3."""

    def __init__(self, cloud: RunningCloud) -> None:
        self._cloud = cloud

    def __call__(self, method: str, path: str, body: Any = None) -> httpx.Response:
        url = f"{self._cloud.root_url}/api/v3{path}"
        return self._cloud.http.request(method, url, json=body)

    def raw(self, method: str, path: str, content: str) -> httpx.Response:
        """Send a body as it is."""
        url = f"{self._cloud.root_url}/api/v3{path}"
        return self._cloud.http.request(method, url, content=content)

    def sealed(self, scope: str, value: str) -> dict[str, str]:
        """The body that stores a secret."""
        key = self("GET", f"{REPOSITORY}{scope}/secrets/public-key").json()
        box = SealedBox(PublicKey(base64.b64decode(key["key"])))
        return {
            "key_id": key["key_id"],
            "encrypted_value": base64.b64encode(box.encrypt(value.encode())).decode(),
        }


@pytest.fixture
def github(cloud: RunningCloud) -> Client:
    """A client of a GitHub without environments."""
    return Client(cloud)


@pytest.mark.parametrize(
    ("header", "message"),
    [({}, "Requires authentication"), ({"Authorization": "Bearer wrong"}, "Bad credentials")],
)
def test_only_the_local_token_opens_it(
    shared: RunningCloud, header: dict[str, str], message: str
) -> None:
    answer = httpx.get(f"{shared.root_url}/api/v3/user", headers=header, trust_env=False)
    assert answer.status_code == 401
    assert answer.json()["message"] == message


def test_it_answers_bodies_as_github_does_where_nothing_is_found(shared: RunningCloud) -> None:
    github = Client(shared)
    for path in ("/nothing", "/users/nobody", "/repos/local/other", f"{REPOSITORY}/environments/x"):
        answer = github("GET", path)
        assert answer.status_code == 404
        assert set(answer.json()) == {"message", "documentation_url", "status"}
        assert answer.json()["message"] == "Not Found"
    assert github("GET", "/repos/Local/Notification-System").json()["default_branch"] == "main"
    assert github("GET", "/users/reviewer-one").json()["id"] == 1002


def test_the_repository_is_reached_by_its_number_too(github: Client) -> None:
    number = github("GET", REPOSITORY).json()["id"]
    by_number = f"/repositories/{number}"
    assert github("GET", by_number).json()["full_name"] == "local/notification-system"
    assert github("PUT", f"{by_number}/environments/e", {}).status_code == 200
    key = f"{by_number}/environments/e/secrets/public-key"
    assert (
        github("GET", key).json()
        == github("GET", f"{REPOSITORY}/environments/e/secrets/public-key").json()
    )
    assert github("GET", "/repositories/1").status_code == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"wait_timer": 43_201}, "Wait timer"),
        ({"wait_timer": "1"}, "wait_timer"),
        ({"reviewers": [{"type": "User", "id": 1}]}, "cannot review"),
        ({"reviewers": [{"type": "User", "id": n} for n in range(1001, 1008)]}, "more than 6"),
        (
            {
                "deployment_branch_policy": {
                    "protected_branches": True,
                    "custom_branch_policies": True,
                }
            },
            "same value",
        ),
    ],
)
def test_an_environment_that_github_refuses_is_refused(
    shared: RunningCloud, body: dict[str, Any], words: str
) -> None:
    github = Client(shared)
    answer = github("PUT", f"{REPOSITORY}/environments/refused", body)
    assert answer.status_code == 422
    assert words in answer.text
    assert github("GET", f"{REPOSITORY}/environments/refused").status_code == 404


def test_an_environment_shows_its_rules_and_takes_its_own_things_with_it(github: Client) -> None:
    path = f"{REPOSITORY}/environments/production"
    policy = {"protected_branches": False, "custom_branch_policies": True}
    body = {
        "wait_timer": 5,
        "reviewers": [{"type": "User", "id": 1002}],
        "prevent_self_review": True,
        "can_admins_bypass": False,
        "deployment_branch_policy": policy,
    }
    made = github("PUT", path, body).json()
    assert [rule["type"] for rule in made["protection_rules"]] == [
        "wait_timer",
        "required_reviewers",
        "branch_policy",
    ]
    assert made["protection_rules"][1]["reviewers"][0]["reviewer"]["login"] == "reviewer-one"
    assert made["can_admins_bypass"] is False
    pattern = github("POST", f"{path}/deployment-branch-policies", {"name": "main"})
    assert pattern.json()["type"] == "branch"
    again = github("POST", f"{path}/deployment-branch-policies", {"name": "main"})
    assert again.status_code == 303
    secret = f"{path}/secrets/TOKEN"
    assert github("PUT", secret, github.sealed("/environments/production", "v")).status_code == 201
    assert github("POST", f"{path}/variables", {"name": "a", "value": "1"}).status_code == 201
    # Without custom policies the patterns go; without the environment, everything.
    assert github("PUT", path, {}).json()["protection_rules"] == []
    listed = github("GET", f"{path}/deployment-branch-policies").json()
    assert listed == {"total_count": 0, "branch_policies": []}
    assert github("DELETE", path).status_code == 204
    assert github("PUT", path, {}).json()["id"] != made["id"]
    assert github("GET", secret).status_code == 404
    assert github("GET", f"{path}/variables").json()["total_count"] == 0


@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        ("TOKEN", lambda body: body.pop("key_id"), "key_id"),
        ("TOKEN", lambda body: body.update(key_id="1"), "doesn't match"),
        ("TOKEN", lambda body: body.update(encrypted_value="not base64!"), "base64"),
        ("TOKEN", lambda body: body.update(encrypted_value="cGxhaW4="), "improperly encrypted"),
        ("GITHUB_TOKEN", lambda body: None, "must not start with GITHUB_"),
        ("1ST", lambda body: None, "can only contain"),
    ],
)
def test_a_secret_that_github_could_not_open_is_refused(
    shared: RunningCloud, name: str, spoil: Any, words: str
) -> None:
    github = Client(shared)
    body = github.sealed("/actions", CANARY)
    spoil(body)
    answer = github("PUT", f"{REPOSITORY}/actions/secrets/{name}", body)
    assert answer.status_code == 422
    assert words in answer.text


def test_a_box_for_another_key_is_refused(shared: RunningCloud) -> None:
    github = Client(shared)
    body = github.sealed("/actions", "v")
    foreign = SealedBox(PrivateKey.generate().public_key).encrypt(b"v")
    body["encrypted_value"] = base64.b64encode(foreign).decode()
    answer = github("PUT", f"{REPOSITORY}/actions/secrets/TOKEN", body)
    assert (answer.status_code, "improperly encrypted" in answer.text) == (422, True)


def test_a_secrets_value_is_in_no_answer_and_in_no_file(cloud: RunningCloud) -> None:
    github = Client(cloud)
    path = f"{REPOSITORY}/actions/secrets/API_TOKEN"
    assert github("PUT", path, github.sealed("/actions", CANARY)).status_code == 201
    first = github("GET", path).json()
    assert set(first) == {"name", "created_at", "updated_at"}
    cloud.local("POST", "/clock", json={"advance_ms": 2000})
    assert github("PUT", path.lower(), github.sealed("/actions", CANARY)).status_code == 204
    second = github("GET", path).json()
    assert (second["created_at"], second["name"]) == (first["created_at"], "API_TOKEN")
    assert second["updated_at"] > first["updated_at"]
    assert CANARY not in github("GET", f"{REPOSITORY}/actions/secrets").text
    files = [file for file in cloud.home.root.rglob("*") if file.is_file()]
    assert len(files) > 3
    assert not [file for file in files if CANARY.encode() in file.read_bytes()]


def test_variables_are_unique_in_their_scope_and_come_in_pages(github: Client) -> None:
    path = f"{REPOSITORY}/actions/variables"
    for number in range(12):
        body = {"name": f"V{number:02}", "value": str(number)}
        assert github("POST", path, body).status_code == 201
    assert github("POST", path, {"name": "v00", "value": "x"}).status_code == 409
    assert github("PATCH", f"{path}/V01", {"name": "V00"}).status_code == 409
    assert github("PATCH", f"{path}/v01", {"value": "new"}).status_code == 204
    first = github("GET", path)
    assert (first.json()["total_count"], len(first.json()["variables"])) == (12, 10)
    following = httpx.Headers(first.headers)["link"].split(";")[0].strip("<>")
    second = github("GET", following.split("/api/v3")[1]).json()["variables"]
    assert [entry["name"] for entry in second] == ["V10", "V11"]
    assert github("GET", f"{path}/V01").json()["value"] == "new"
    assert github("DELETE", f"{path}/V01").status_code == 204
    assert github("DELETE", f"{path}/V01").status_code == 404


def test_comments_of_a_pull_request_are_made_once_and_changed(github: Client) -> None:
    path = f"{REPOSITORY}/issues/7/comments"
    made = github("POST", path, {"body": "plan"})
    assert made.status_code == 201
    one = f"{REPOSITORY}/issues/comments/{made.json()['id']}"
    assert github("PATCH", one, {"body": "newer plan"}).json()["body"] == "newer plan"
    assert [entry["body"] for entry in github("GET", path).json()] == ["newer plan"]
    assert github("GET", f"{REPOSITORY}/issues/8/comments").json() == []
    empty = github("POST", path, {"body": " "})
    assert (empty.status_code, empty.json()["errors"][0]["field"]) == (422, "body")


def test_what_is_stored_survives_a_restart(tmp_path: Path) -> None:
    with RunningCloud(tmp_path / "home") as cloud:
        github = Client(cloud)
        github("PUT", f"{REPOSITORY}/environments/production", {"wait_timer": 3})
        body = github.sealed("/actions", "v")
        github("PUT", f"{REPOSITORY}/actions/secrets/TOKEN", body)
    with RunningCloud(tmp_path / "home") as cloud:
        github = Client(cloud)
        found = github("GET", f"{REPOSITORY}/environments/production").json()
        assert found["protection_rules"][0]["wait_timer"] == 3
        # The key pair is the same, so a box that was sealed before is still good.
        assert github("PUT", f"{REPOSITORY}/actions/secrets/TOKEN", body).status_code == 204


def test_the_repository_answers_by_its_id_as_by_its_name(github: Client) -> None:
    number = github("GET", REPOSITORY).json()["id"]
    by_id = f"/repositories/{number}"
    assert github("GET", by_id).json()["full_name"] == "local/notification-system"
    github("PUT", f"{REPOSITORY}/environments/e", {})
    scope = "/environments/e"
    body = github.sealed(scope, CANARY)
    assert github("GET", f"{by_id}{scope}/secrets/public-key").json()["key_id"] == body["key_id"]
    assert github("PUT", f"{by_id}{scope}/secrets/KEY", body).status_code == 201
    assert github("GET", f"{REPOSITORY}{scope}/secrets/KEY").json()["name"] == "KEY"
    assert github("GET", "/repositories/42001/environments/e").status_code == 404
    assert github("GET", "/repositories/1").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("{", 400, "Problems parsing JSON"),
        ("[" * 50_000, 400, "Problems parsing JSON"),
        ("[]", 422, "not an object"),
        ("null", 422, "not an object"),
    ],
)
def test_a_body_that_is_no_object_is_refused_and_nothing_is_made(
    shared: RunningCloud, body: str, status: int, words: str
) -> None:
    github, path = Client(shared), f"{REPOSITORY}/environments/unread"
    answer = github.raw("PUT", path, body)
    assert (answer.status_code, words in answer.text) == (status, True)
    assert github("GET", path).status_code == 404


def test_an_empty_body_is_an_empty_object(github: Client) -> None:
    assert github.raw("PUT", f"{REPOSITORY}/environments/empty-body", " \n").status_code == 200


def test_more_requests_than_the_hour_allows_are_refused_until_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFICATION_LOCAL_GITHUB_LIMIT", "2")
    with RunningCloud(tmp_path / "home") as cloud:
        github = Client(cloud)
        answers = [github("GET", "/user") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 403]
        remaining = [answer.headers["x-ratelimit-remaining"] for answer in answers]
        assert remaining == ["1", "0", "0"]
        assert answers[2].json()["message"].startswith("API rate limit exceeded")
        now_ms = cloud.local("GET", "/clock")["now_ms"]
        assert 0 < int(answers[2].headers["x-ratelimit-reset"]) * 1000 - now_ms <= 3_601_000
        # Another token has an hour of its own.
        other = {"Authorization": "Bearer x"}
        url = f"{cloud.root_url}/api/v3/user"
        assert httpx.get(url, headers=other, trust_env=False).status_code == 401
        cloud.local("POST", "/clock", json={"advance_ms": 3_600_000})
        assert github("GET", "/user").status_code == 200
