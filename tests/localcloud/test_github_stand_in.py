"""The stand-in for pulumi-github, against the local GitHub API, call by call as recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.errors import EngineError, NotLoopback, ProviderError
from engine.provider import Known, Target
from engine.providers import stand_in
from engine.providers.github_client import GithubClient
from engine.providers.github_provider import GithubProvider
from engine.providers.github_table import GITHUB_TYPES
from tests.localcloud.running_cloud import RunningCloud

RECORDING = Path(__file__).with_name("provider-calls-github.jsonl")
REPOSITORY = "notification-system"
GO_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC")
ENVIRONMENT: dict[str, Any] = {
    "repository": REPOSITORY,
    "environment": "production",
    "preventSelfReview": True,
    "reviewers": [{"users": [1003, 1002]}],
    "deploymentBranchPolicy": {"protectedBranches": True, "customBranchPolicies": False},
}
IN_ENVIRONMENT = {"repository": REPOSITORY, "environment": "production"}
INPUTS: dict[str, dict[str, Any]] = {
    "ActionsVariable": {"repository": REPOSITORY, "variableName": "SERVICE_URL", "value": "u"},
    "ActionsEnvironmentVariable": {**IN_ENVIRONMENT, "variableName": "STACK", "value": "p"},
    "ActionsSecret": {"repository": REPOSITORY, "secretName": "CLOUDFLARE_API_TOKEN", "value": "t"},
    "ActionsEnvironmentSecret": {**IN_ENVIRONMENT, "secretName": "PROD_API_SECRET", "value": "s"},
    "RepositoryEnvironment": ENVIRONMENT,
}


class Account:
    """The stand-in, the cloud behind it, and the writes that it has sent."""

    def __init__(self, cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cloud = cloud
        base_url = f"{cloud.root_url}/"
        token = cloud.endpoints.api_token
        self.provider = GithubProvider(GithubClient(base_url=base_url, owner="local", token=token))
        self.calls: list[tuple[str, str, Any]] = []
        send = httpx.Client.request

        def watched(client: httpx.Client, method: str, url: str, **options: Any) -> Any:
            self.calls.append((method, url, options.get("json")))
            return send(client, method, url, **options)

        monkeypatch.setattr(httpx.Client, "request", watched)

    def make(self, name: str, inputs: dict[str, Any]) -> tuple[Target, Known]:
        """Create a resource."""
        id_, outputs = self.provider.create(target(name), inputs, preview=False)
        return target(name, id_), Known(inputs, outputs)

    def read(self, where: Target, known: Known) -> Known | None:
        """Refresh a resource."""
        live = self.provider.read(where, known)
        return None if live is None else Known(known.inputs, live.outputs)

    def by_hand(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """What somebody else does."""
        url = f"{self.cloud.root_url}/api/v3/repos/local/{REPOSITORY}{path}"
        return self.cloud.http.request(method, url, json=body)


def target(name: str, id_: str = "") -> Target:
    token = next(token for token in GITHUB_TYPES if token.endswith(f":{name}"))
    return Target(f"urn:pulumi:dev::probe::{token}::x", token, "x", id_)


@pytest.fixture
def account(cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An empty repository and the stand-in for it."""
    made = Account(cloud, monkeypatch)
    yield made
    made.provider.close()


def recorded_body(method: str, path: str) -> Any:
    """What the real provider sent there."""
    for line in RECORDING.read_text("utf-8").splitlines():
        call = json.loads(line)
        if (call["method"], call["path"].split("/acme/notification")[-1]) == (method, path):
            return call["body"]
    raise AssertionError(f"the real provider was never seen to send {method} {path}")


@pytest.mark.parametrize("name", list(INPUTS))
def test_it_sends_what_the_real_provider_sends_and_finds_no_change_afterwards(
    account: Account, name: str
) -> None:
    account.make("RepositoryEnvironment", ENVIRONMENT)
    account.calls.clear()
    where, known = account.make(name, INPUTS[name])
    method, url, body = next(call for call in account.calls if call[0] != "GET")
    expected = recorded_body(method, url.split(f"/local/{REPOSITORY}")[-1])
    assert set(body) == set(expected)
    if name == "RepositoryEnvironment":
        assert {k: v for k, v in body.items() if k != "reviewers"} == {
            k: v for k, v in expected.items() if k != "reviewers"
        }
    named = [part for key, part in known.inputs.items() if key in ("environment", "secretName")]
    named += [known.inputs["variableName"]] if "variableName" in known.inputs else []
    assert where.id == ":".join([REPOSITORY, *named])
    assert known.outputs["repositoryId"] == 4200
    version = 2 if name == "ActionsSecret" else 1
    assert known.outputs["__meta"] == f'{{"schema_version":"{version}"}}'
    for key in {"createdAt", "updatedAt", "remoteUpdatedAt"} & set(known.outputs):
        assert GO_TIME.fullmatch(known.outputs[key])
    assert account.provider.diff(where, known, INPUTS[name], ()).changed is False
    refreshed = account.read(where, known)
    assert refreshed is not None
    assert account.provider.diff(where, refreshed, INPUTS[name], ()).changed is False
    account.provider.delete(where, known)
    assert account.read(where, known) is None
    account.provider.delete(where, known)


def test_reviewers_are_a_set_and_another_reviewer_is_a_change_in_place(account: Account) -> None:
    where, known = account.make("RepositoryEnvironment", ENVIRONMENT)
    turned = {**ENVIRONMENT, "reviewers": [{"users": [1002, 1003], "teams": []}]}
    assert account.provider.diff(where, known, turned, ()).changed is False
    other = {**ENVIRONMENT, "reviewers": [{"users": [1004]}]}
    found = account.provider.diff(where, known, other, ())
    assert (found.keys, found.replaces) == (("reviewers",), ())
    account.provider.update(where, known, other, preview=False)
    rules = account.by_hand("GET", "/environments/production").json()["protection_rules"]
    assert [r["reviewer"]["login"] for r in rules[0]["reviewers"]] == ["reviewer-three"]
    renamed = {**ENVIRONMENT, "environment": "other"}
    assert account.provider.diff(where, known, renamed, ()).replaces == ("environment",)


def test_what_the_real_provider_writes_for_nothing_is_no_change(account: Account) -> None:
    bare = {**IN_ENVIRONMENT, "preventSelfReview": False}
    where, known = account.make("RepositoryEnvironment", bare)
    theirs = {**known.outputs, "waitTimer": 0, "reviewers": []}
    assert account.provider.diff(where, Known(bare, theirs), bare, ()).changed is False
    policy = ENVIRONMENT["deploymentBranchPolicy"]
    noted = {**bare, "__defaults": [], "deploymentBranchPolicy": {**policy, "__defaults": []}}
    after = {**theirs, "deploymentBranchPolicy": policy}
    news = {**bare, "deploymentBranchPolicy": policy}
    assert account.provider.diff(where, Known(noted, after), news, ()).changed is False
    waiting = {**bare, "waitTimer": 5}
    assert account.provider.diff(where, Known(bare, theirs), waiting, ()).keys == ("waitTimer",)


def test_what_somebody_else_changed_shows_after_a_refresh_and_is_put_right(
    account: Account,
) -> None:
    environment = account.make("RepositoryEnvironment", ENVIRONMENT)
    variable = account.make("ActionsVariable", INPUTS["ActionsVariable"])
    secret = account.make("ActionsSecret", INPUTS["ActionsSecret"])
    account.by_hand("PUT", "/environments/production", {"wait_timer": 9})
    account.by_hand("PATCH", "/actions/variables/SERVICE_URL", {"value": "other"})
    account.cloud.local("POST", "/clock", json={"advance_ms": 2000})
    account.make("ActionsSecret", INPUTS["ActionsSecret"])
    # A rule for reviewers that is gone altogether goes unseen, as in the real provider.
    for (where, known), keys in (
        (environment, ("deploymentBranchPolicy", "waitTimer")),
        (variable, ("value",)),
        (secret, ("updatedAt",)),
    ):
        seen = account.read(where, known)
        assert seen is not None
        assert account.provider.diff(where, seen, known.inputs, ()).keys == keys, where.type
        after = account.provider.update(where, seen, known.inputs, preview=False)
        again = account.read(where, Known(known.inputs, after))
        assert again is not None
        assert account.provider.diff(where, again, known.inputs, ()).changed is False, where.type


def test_branch_patterns_are_policies_of_their_own(account: Account) -> None:
    custom = {"protectedBranches": False, "customBranchPolicies": True}
    account.make("RepositoryEnvironment", {**ENVIRONMENT, "deploymentBranchPolicy": custom})
    inputs = {**IN_ENVIRONMENT, "branchPattern": "main"}
    where, known = account.make("RepositoryEnvironmentDeploymentPolicy", inputs)
    assert where.id == f"{REPOSITORY}:production:{known.outputs['policyId']}"
    refreshed = account.read(where, known)
    assert refreshed is not None
    assert account.provider.diff(where, refreshed, inputs, ()).changed is False
    found = account.provider.find(target("RepositoryEnvironmentDeploymentPolicy"), inputs)
    assert found is not None
    assert found.id == where.id


def test_an_interrupted_create_of_a_variable_is_found_and_others_are_repeatable(
    account: Account,
) -> None:
    where, known = account.make("ActionsVariable", INPUTS["ActionsVariable"])
    found = account.provider.find(target("ActionsVariable"), INPUTS["ActionsVariable"])
    assert found is not None
    assert (found.id, found.outputs) == (where.id, known.outputs)
    assert account.provider.is_repeatable(target("ActionsSecret"))
    assert account.provider.is_repeatable(target("RepositoryEnvironment"))


def test_a_user_is_looked_up_by_name(account: Account) -> None:
    found = account.provider.invoke("github:index/getUser:getUser", {"username": "reviewer-two"})
    assert (found.inputs["id"], found.inputs["login"]) == ("1003", "reviewer-two")
    with pytest.raises(ProviderError, match=r"/users/nobody with 404: Not Found"):
        account.provider.invoke("github:index/getUser:getUser", {"username": "nobody"})


def test_a_refusal_is_told_in_githubs_words(account: Account) -> None:
    inputs = {**ENVIRONMENT, "reviewers": [{"users": [7]}]}
    with pytest.raises(ProviderError, match="with 422: Validation Failed; User with ID 7 cannot"):
        account.make("RepositoryEnvironment", inputs)
    with pytest.raises(ProviderError, match="the secret has no value"):
        account.make("ActionsSecret", {"repository": REPOSITORY, "secretName": "A"})


def test_it_needs_a_loopback_url_a_token_and_an_owner() -> None:
    local = {"baseUrl": "http://127.0.0.1:1/", "owner": "local"}
    with pytest.raises(NotLoopback):
        stand_in("github", {**local, "baseUrl": "https://api.github.com/"}, {"GITHUB_TOKEN": "t"})
    with pytest.raises(EngineError, match="has no token"):
        stand_in("github", local, {})
    with pytest.raises(EngineError, match="has no owner"):
        stand_in("github", {"baseUrl": local["baseUrl"]}, {"GITHUB_TOKEN": "t"})
