"""Access, run by an operator on the local cloud: declared, changed, rotated, and gone again."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from nacl.public import PrivateKey, SealedBox

from ops.github.repository import Repository
from ops.observe.drift import cloudflare_kinds, github_probe
from ops.observe.drift.cloudflare_probe import CloudflareProbe
from ops.observe.drift.comparison import leaves
from ops.observe.drift.finding import Finding
from ops.observe.drift.github_probe import GithubProbe
from ops.observe.drift.managed import Managed, managed_resources
from ops.stacks.account import StackAccount
from tests.installation import Installation

REPOSITORY = "/api/v3/repos/local/notification-system"
SETTINGS: dict[str, Any] = {
    "environment": "production",
    "allowLoopbackEndpoints": "false",
    "manageAccess": "true",
    "githubOwner": "local",
    "githubRepository": "notification-system",
    "productionReviewers": ["reviewer-one"],
    "productionApprovers": ["reviewer-two"],
}
UP = ("up", "--stack", "local")


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The stack of access to production, on this machine, deployed once."""
    made = Installation(tmp_path_factory.mktemp("access"), settings=SETTINGS)
    try:
        report = made.ctl_json(*UP)
        assert report["changes"]["create"] > 20
        yield made
    finally:
        made.close()


def secret_of(installation: Installation, name: str, environment: str = "production") -> str:
    """A secret as a job of the environment gets it: opened by GitHub's own key."""
    database = sqlite3.connect(installation.home / "cloud" / "control-plane.sqlite3")
    with database:
        scope, sealed = database.execute(
            "SELECT scope, sealed FROM github_secrets s JOIN github_environments e "
            "ON e.id = s.scope WHERE s.name = ? AND e.name = ?",
            (name, environment),
        ).fetchone()
        (key,) = database.execute(
            "SELECT private_key FROM github_keys WHERE scope = ?", (scope,)
        ).fetchone()
    database.close()
    return SealedBox(PrivateKey(key)).decrypt(sealed).decode()


def status_of(installation: Installation, token: str) -> tuple[int, int]:
    """What this token gets for verifying itself, and for listing the account's tokens."""
    account = installation.outputs()["account_id"]
    url = f"{installation.control_url}/client/v4/accounts/{account}/tokens"
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(headers=headers, trust_env=False) as client:
        return client.get(f"{url}/verify").status_code, client.get(url).status_code


@pytest.mark.requirement("S0-20", "S0-21", "T-8")
def test_access_is_declared_once_and_then_changes_nothing(operated: Installation) -> None:
    assert operated.outputs()["github_environments"] == [
        *("production-approval", "production", "production-nightly", "production-plan"),
    ]
    token = secret_of(operated, "CLOUDFLARE_API_TOKEN")
    assert status_of(operated, token) == (200, 403)  # it works, and mints nothing
    watching = secret_of(operated, "CLOUDFLARE_API_TOKEN", "production-nightly")
    assert status_of(operated, watching) == (200, 403)
    assert re.fullmatch(r"[0-9a-f]{64}", secret_of(operated, "PROD_API_SECRET"))
    again = operated.ctl_json(*UP)
    assert set(again["changes"]) == {"same"}, again["changes"]
    refreshed = operated.ctl_json("refresh", "--stack", "local")
    assert set(refreshed["changes"]) == {"same"}, refreshed["changes"]


def test_gates_and_tokens_that_were_edited_past_the_program_are_found_and_put_back(
    operated: Installation,
) -> None:
    clean = operated.ctl_json("drift", "--stack", "local")
    assert (clean["drifted"], clean["unknown"], clean["unmanaged"]) == (0, [], [])

    gate = f"{REPOSITORY}/environments/production-approval"
    opened = operated.control("PUT", gate, json={"can_admins_bypass": True})
    assert opened.status_code == 200, opened.text
    policies = f"{REPOSITORY}/environments/production/deployment-branch-policies"
    assert operated.control("POST", policies, json={"name": "*"}).status_code == 200
    account = operated.outputs()["account_id"]
    tokens = f"/client/v4/accounts/{account}/tokens/{operated.outputs()['ci_token_id']}"
    token = operated.control("GET", tokens).json()["result"]
    body = {"name": token["name"], "policies": token["policies"], "status": "active"}
    addresses = {"request_ip": {"in": ["192.0.2.1/32"]}}
    edited = {**body, "policies": token["policies"][:1], "condition": addresses}
    edited["policies"][0]["permission_groups"] = edited["policies"][0]["permission_groups"][:1]
    assert operated.control("PUT", tokens, json=edited).status_code == 200

    found = operated.ctl("drift", "--stack", "local", "--json")
    assert found.returncode == 7, found.stderr
    document = json.loads(found.stdout)
    assert {(one["kind"], one["resource"]) for one in document["findings"]} == {
        ("reviewers", "production-approval"),
        ("self-review", "production-approval"),
        ("admin bypass", "production-approval"),
        ("branch policy", "production-approval"),
        ("branch policy", "production-approval-branch"),
        ("branch policy", "production-branch"),
        ("token scopes", "ci-token-1"),
    }
    assert [one["found"] for one in document["unmanaged"]] == [
        "condition.requestIp.ins ['192.0.2.1/32']"
    ]

    [extra] = [
        one
        for one in operated.control("GET", policies).json()["branch_policies"]
        if one["name"] == "*"
    ]
    assert operated.control("DELETE", f"{policies}/{extra['id']}").status_code == 204
    repaired = operated.ctl("drift", "--stack", "local", "--repair")
    assert repaired.returncode == 0, repaired.stderr + repaired.stdout


GATE = f"{REPOSITORY}/environments/{{environment}}"


def edit_gate(made: Installation, managed: Managed, path: str) -> None:
    url = GATE.format(**managed.outputs)
    rules = made.control("GET", url).json()["protection_rules"]
    people = [one["reviewer"]["id"] for rule in rules for one in rule.get("reviewers") or ()]
    body: dict[str, Any] = {
        "reviewers": [{"type": "User", "id": one} for one in people],
        "prevent_self_review": any(rule.get("prevent_self_review") for rule in rules),
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
        "can_admins_bypass": False,
    }
    other = {
        "reviewers": ("reviewers", []),
        "preventSelfReview": ("prevent_self_review", not body["prevent_self_review"]),
        "canAdminsBypass": ("can_admins_bypass", True),
        "deploymentBranchPolicy.customBranchPolicies": ("deployment_branch_policy", None),
        "deploymentBranchPolicy.protectedBranches": (
            "deployment_branch_policy",
            {"protected_branches": True, "custom_branch_policies": False},
        ),
    }
    name, value = other[path]
    if path == "preventSelfReview" and not people:
        # Without a reviewer there is nobody whose own review would count.
        someone = made.control("GET", "/api/v3/user").json()["id"]
        body["reviewers"] = [{"type": "User", "id": someone}]
    assert made.control("PUT", url, json={**body, name: value}).status_code == 200


def edit_branch(made: Installation, managed: Managed, _path: str) -> None:
    url = f"{GATE.format(**managed.outputs)}/deployment-branch-policies"
    for one in made.control("GET", url).json()["branch_policies"]:
        assert made.control("PUT", f"{url}/{one['id']}", json={"name": "x"}).status_code == 200


def edit_variable(made: Installation, managed: Managed, _path: str) -> None:
    url = f"{GATE.format(**managed.outputs)}/variables/{managed.text('variableName')}"
    assert made.control("PATCH", url, json={"value": "another"}).status_code == 204


def edit_token(made: Installation, managed: Managed, path: str) -> None:
    url = f"/client/v4/accounts/{managed.text('accountId')}/tokens/{managed.id}"
    token = made.control("GET", url).json()["result"]
    body = {"name": token["name"], "policies": token["policies"], "status": "active"}
    first = token["policies"][0]
    narrower = [{**first, "permission_groups": first["permission_groups"][:1]}]
    changed = {"name": "another", "policies": narrower}[path]
    assert made.control("PUT", url, json={**body, path: changed}).status_code == 200


EDITS = {
    "github:RepositoryEnvironment": edit_gate,
    "github:RepositoryEnvironmentDeploymentPolicy": edit_branch,
    "github:ActionsEnvironmentVariable": edit_variable,
    "cloudflare:AccountToken": edit_token,
}


def test_every_input_of_the_access_stack_is_changed_by_the_apis_and_found(
    operated: Installation,
) -> None:
    file = operated.home / "pulumi/.pulumi/stacks/notification-system/local.json"
    state = json.loads(file.read_text())["checkpoint"]["latest"]["resources"]
    api = (operated.home / "cloud" / "api-token").read_text().strip()
    account = operated.outputs()["account_id"]
    url = operated.control_url
    cloudflare = CloudflareProbe(StackAccount("local", account, f"{url}/client/v4", True, api))
    github = GithubProbe(Repository(f"{url}/api/v3", "local/notification-system", api, True))
    kinds = {**cloudflare_kinds.KINDS, **github_probe.KINDS}
    edited = 0
    # A gate that is opened to every branch has no branches of its own any more: they go first.
    for managed in sorted(managed_resources(state), key=lambda one: "Policy" not in one.type):
        kind = kinds.get(managed.type)
        for path, value in leaves(managed.inputs, kind) if kind else ():
            rule = kind.rule(path) if kind else None
            if rule is None or value is None or value == []:
                continue
            EDITS[managed.type](operated, managed, path)
            probe = github if managed.type.startswith("github:") else cloudflare
            found = {one.kind for one in probe.findings(managed) if isinstance(one, Finding)}
            assert rule.kind in found, f"{managed.name}: {path}"
            edited += 1
    assert edited > 15
    repaired = operated.ctl("drift", "--stack", "local", "--repair")
    assert repaired.returncode == 0, repaired.stderr + repaired.stdout


@pytest.mark.soak
@pytest.mark.requirement("S0-28", "PD-13")
def test_a_token_is_rotated_without_a_moment_without_one_and_a_reviewer_is_changed(
    operated: Installation,
) -> None:
    old = secret_of(operated, "CLOUDFLARE_API_TOKEN")
    change = {"ciTokenGenerations": [1, 2], "productionReviewers": ["reviewer-three"]}
    operated.configure({**SETTINGS, **change})
    overlap = operated.ctl_json(*UP)["changes"]
    assert overlap["create"] == 3
    assert "delete" not in overlap, overlap
    new = secret_of(operated, "CLOUDFLARE_API_TOKEN")
    assert new != old
    assert {status_of(operated, token) for token in (old, new)} == {(200, 403)}
    environment = operated.control("GET", f"{REPOSITORY}/environments/production-approval").json()
    reviewers = environment["protection_rules"][0]["reviewers"]
    assert [entry["reviewer"]["login"] for entry in reviewers] == ["reviewer-three"]
    operated.configure({**SETTINGS, **change, "ciTokenGenerations": [2]})
    assert operated.ctl_json(*UP)["changes"]["delete"] == overlap["create"]
    assert status_of(operated, old)[0] == 401
    assert status_of(operated, new) == (200, 403)


@pytest.mark.requirement("S0-50")
def test_the_tokens_value_is_nowhere_but_in_githubs_box_and_a_destroy_leaves_nothing(
    operated: Installation,
) -> None:
    token = secret_of(operated, "CLOUDFLARE_API_TOKEN")
    local = (operated.home / "cloud" / "api-token").read_text().strip()
    shown = operated.ctl("preview", "--stack", "local")
    assert shown.returncode == 0, shown.stderr
    outputs = json.dumps(operated.ctl_json("outputs", "--stack", "local", "--show-secrets"))
    destroyed = operated.ctl("destroy", "--stack", "local", "--yes")
    assert destroyed.returncode == 0, destroyed.stderr
    said = shown.stdout + shown.stderr + destroyed.stdout + destroyed.stderr + outputs
    states = [file for file in (operated.home / "pulumi").rglob("*.json") if file.is_file()]
    # What a refresh found is kept, too.
    states += [file for file in (operated.home / "states").rglob("*.json") if file.is_file()]
    logs = [file for file in (operated.home / "cloud").rglob("*.log") if file.is_file()]
    assert len(states) > 3
    assert logs
    for value in (token, local):
        assert value not in said
        assert [f.name for f in _holding(states + logs, value)] == []
    left = operated.control("GET", "/local/state").json()
    assert {name: count for name, count in left.items() if count} == {}


def _holding(files: list[Path], value: str) -> list[Path]:
    return [file for file in files if value.encode() in file.read_bytes()]
