"""What the stand-in for GitHub sends, keeps, and takes for a change."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import ProviderError
from engine.provider import Known, Target
from engine.providers import github_shapes as shapes
from engine.providers.github_client import GithubClient
from engine.providers.github_provider import GithubProvider
from engine.providers.github_table import GITHUB_TYPES


class Users(GithubClient):
    """A client that knows one user."""

    def __init__(self) -> None:
        super().__init__(base_url="http://127.0.0.1:9", owner="o", token="t")

    def user(self, login: str) -> dict[str, Any]:
        return {"id": 7, "login": login, "avatar_url": "a"}


def target(name: str) -> Target:
    token = next(token for token in GITHUB_TYPES if token.endswith(f":{name}"))
    return Target(f"urn:pulumi:dev::p::{token}::x", token, "x", "id")


ENVIRONMENT = {"repository": "r", "environment": "e"}
FILLED = {**ENVIRONMENT, "canAdminsBypass": True, "preventSelfReview": False}


def is_changed(outputs: dict[str, Any], news: dict[str, Any]) -> bool | None:
    known = Known({**FILLED, **outputs}, {**FILLED, **outputs})
    found = GithubProvider(Users()).diff(
        target("RepositoryEnvironment"), known, {**FILLED, **news}, ()
    )
    return found.changed


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({}, {"waitTimer": 0}, False),
        ({}, {"waitTimer": 1}, True),
        ({"waitTimer": 0}, {}, False),
        ({}, {"reviewers": []}, False),
        ({}, {"reviewers": [{}]}, False),
        ({}, {"reviewers": [{"users": []}]}, False),
        ({}, {"reviewers": [{"users": [1]}]}, True),
        ({"reviewers": [{"users": [1, 2]}]}, {"reviewers": [{"users": [2, 1]}]}, False),
        ({"reviewers": [{"users": [1]}]}, {"reviewers": [{"users": [1], "teams": []}]}, False),
        ({"reviewers": [{"users": [1]}]}, {"reviewers": [{"teams": [1]}]}, True),
        ({}, {"reviewers": [{"users": [], "__defaults": []}]}, False),
        ({"canAdminsBypass": False}, {}, True),
    ],
)
def test_an_environment_changes_where_github_would_do_something(
    before: dict[str, Any], after: dict[str, Any], changed: bool
) -> None:
    assert is_changed(before, after) is changed


@pytest.mark.parametrize(
    ("remote", "changed", "keys"),
    [("a", False, ()), ("b", True, ("updatedAt",)), (None, False, ())],
)
def test_a_secret_that_somebody_else_wrote_is_written_again(
    remote: str | None, changed: bool, keys: tuple[str, ...]
) -> None:
    inputs = {"repository": "r", "secretName": "S", "value": "v"}
    outputs = {**inputs, "updatedAt": "a", "remoteUpdatedAt": remote}
    provider = GithubProvider(Users())
    found = provider.diff(target("ActionsSecret"), Known(inputs, outputs), inputs, ())
    assert (found.changed, found.keys) == (changed, keys)
    moved = {**inputs, "secretName": "T"}
    other = provider.diff(target("ActionsSecret"), Known(inputs, outputs), moved, ())
    assert other.replaces == ("secretName",)
    assert "updatedAt" not in other.keys[:1]


def test_a_user_is_looked_up_by_name() -> None:
    provider = GithubProvider(Users())
    found = provider.invoke("github:index/getUser:getUser", {"username": "ada"}).inputs
    assert (found["id"], found["username"], found["avatarUrl"]) == ("7", "ada", "a")
    assert (found["gpgKeys"], found["sshKeys"]) == ([], [])
    with pytest.raises(ProviderError, match="getUser needs a username"):
        provider.invoke("github:index/getUser:getUser", {})
    with pytest.raises(ProviderError, match="has no function github:index/getTeam:getTeam"):
        provider.invoke("github:index/getTeam:getTeam", {})


@pytest.mark.parametrize(
    ("inputs", "body"),
    [
        (
            {},
            {"wait_timer": 0, "reviewers": None, "deployment_branch_policy": None},
        ),
        (
            {
                "waitTimer": 5,
                "reviewers": [{"teams": [1], "users": [2, 3]}],
                "deploymentBranchPolicy": {"protectedBranches": True},
            },
            {
                "wait_timer": 5,
                "reviewers": [
                    {"type": "Team", "id": 1},
                    {"type": "User", "id": 2},
                    {"type": "User", "id": 3},
                ],
                "deployment_branch_policy": {"protectedBranches": True},
            },
        ),
        ({"reviewers": [None]}, {"reviewers": None}),
    ],
)
def test_an_environment_is_sent_whole(inputs: dict[str, Any], body: dict[str, Any]) -> None:
    sent = shapes.environment_body(shapes.environment_defaults(inputs))
    assert sent == {**sent, **body, "can_admins_bypass": True, "prevent_self_review": False}
    assert len(sent) == 5
    kept = shapes.environment_defaults({"canAdminsBypass": False, "preventSelfReview": True})
    assert kept == {"canAdminsBypass": False, "preventSelfReview": True}


def test_an_environments_rules_are_those_of_the_answer() -> None:
    outputs = {**ENVIRONMENT, "waitTimer": 9, "deploymentBranchPolicy": {"a": 1}}
    written = shapes.environment_shape({}, outputs)
    assert written == {**outputs, "id": "r:e"}
    rules = [
        {"type": "wait_timer", "waitTimer": 3},
        {
            "type": "required_reviewers",
            "preventSelfReview": True,
            "reviewers": [
                {"type": "User", "reviewer": {"id": "4"}},
                {"type": "Team", "reviewer": {"id": 5}},
            ],
        },
        {"type": "branch_policy"},
    ]
    answer = {"protectionRules": rules, "deploymentBranchPolicy": {"b": 2}}
    assert shapes.environment_shape({"__answer": answer}, outputs) == {
        **ENVIRONMENT,
        "id": "r:e",
        "waitTimer": 3,
        "reviewers": [{"teams": [5], "users": [4]}],
        "preventSelfReview": True,
        "deploymentBranchPolicy": {"b": 2},
    }
    bare = shapes.environment_shape({"__answer": {}}, outputs)
    assert bare == {**ENVIRONMENT, "id": "r:e"}
    [reviewing] = [{"type": "required_reviewers"}]
    found = shapes.environment_shape({"__answer": {"protectionRules": [reviewing]}}, outputs)
    assert found["preventSelfReview"] is False
    assert found["reviewers"] == [{"teams": [], "users": []}]


@pytest.mark.parametrize(
    ("inputs", "body"),
    [
        ({"branchPattern": "b", "tagPattern": "t"}, {"name": "b", "type": "branch"}),
        ({"branchPattern": "", "tagPattern": "t"}, {"name": "t", "type": "tag"}),
    ],
)
def test_a_policy_is_for_branches_or_for_tags(inputs: dict[str, Any], body: dict[str, Any]) -> None:
    assert shapes.policy_body(inputs) == body
    outputs = {**ENVIRONMENT, "policyId": 5}
    read = shapes.policy_shape({"__answer": body}, outputs)
    key = "branchPattern" if body["type"] == "branch" else "tagPattern"
    assert read == {**outputs, "id": "r:e:5", key: body["name"]}
    assert shapes.policy_shape({}, outputs) == {**outputs, "id": "r:e:5"}


def test_times_and_ids_are_those_of_the_real_provider() -> None:
    outputs = {"repository": "a:b", "createdAt": "2026-11-21T22:02:08Z", "updatedAt": "raw"}
    assert shapes.identified("repository")({}, outputs) == {
        "repository": "a:b",
        "createdAt": "2026-11-21 22:02:08 +0000 UTC",
        "updatedAt": "raw",
        "id": "a??b",
    }
    assert shapes.go_time(5) == 5
    shape = shapes.secret_shape("repository")
    read = shape({"__answer": {"updatedAt": "2026-11-22T00:00:00Z"}}, outputs)
    assert read["remoteUpdatedAt"] == "2026-11-22 00:00:00 +0000 UTC"
    assert "remoteUpdatedAt" not in shape({}, outputs)
