"""GitHub's own published types as judge of its stand-in: every answer of every route.

The types are those of GitHub's OpenAPI description (`@octokit/openapi-types`), by path, method and
status.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Match, Route

from localcloud.clock import VirtualClock
from localcloud.database import Database
from localcloud.github.application import stand_in_routes
from localcloud.github.directory import GITHUB
from localcloud.github.site import Site
from tests.localcloud.running_cloud import RunningCloud
from tests.localcloud.test_github_api import Client
from tests.localcloud.type_judge import type_errors, without

pytestmark = pytest.mark.judge

HEAD = """
import type { paths } from "@octokit/openapi-types";
type Body<Answered> = Answered extends { content: { "application/json": infer Json } }
  ? Json
  : never;
"""
REPO = "/repos/{owner}/{repo}"
ENVIRONMENT = REPO + "/environments/{environment_name}"
POLICIES = ENVIRONMENT + "/deployment-branch-policies"
NAMES = {"owner": "local", "repo": "notification-system", "username": "reviewer-one"}
NAMES |= {"org": "local", "environment_name": "production", "name": "NAME", "secret_name": "NAME"}

# Field → why GitHub says what its types don't know.
EXPLAINED = {"can_admins_bypass": "GitHub answers it, and pulumi-github reads it"}


class Recorder:
    """Makes calls by the paths of GitHub's description and keeps what was answered."""

    def __init__(self, cloud: RunningCloud) -> None:
        self._cloud = cloud
        self._github = Client(cloud)
        self.called: list[tuple[str, str]] = []
        self.answers: list[tuple[str, str, int, Any]] = []

    def __call__(self, method: str, path: str, body: Any = None, **names: Any) -> Any:
        """Make one call that must succeed; its answer."""
        concrete = path.format(**NAMES, **names)
        self.called.append((method, concrete))
        answer = self._github(method, concrete, body)
        assert answer.status_code < 300, answer.text
        if answer.content:
            self.answers.append((method.lower(), path, answer.status_code, answer.json()))
            return answer.json()
        return None

    def secret(self, path: str, scope: str) -> None:
        """Store a secret, read and remove it."""
        self("GET", path + "/public-key")
        sealed = self._github.sealed(scope, "value")
        self("PUT", path + "/{secret_name}", sealed)
        self("GET", path)
        self("GET", path + "/{secret_name}")
        self("DELETE", path + "/{secret_name}")


def play(call: Recorder) -> None:
    """Make every call that the stand-in has a route for."""
    call("GET", "/user")
    for path in ("/users/{username}", "/users/{username}/keys", "/users/{username}/gpg_keys"):
        call("GET", path)
    call("GET", "/orgs/{org}")
    call("GET", REPO)
    reviewer = call("GET", "/users/{username}")["id"]
    rules = {"wait_timer": 5, "reviewers": [{"type": "User", "id": reviewer}]}
    rules["deployment_branch_policy"] = {
        "protected_branches": False,
        "custom_branch_policies": True,
    }
    call("PUT", ENVIRONMENT, rules)
    call("GET", ENVIRONMENT)
    call("GET", REPO + "/environments")
    policy = call("POST", POLICIES, {"name": "main"})["id"]
    call("GET", POLICIES)
    one = POLICIES + "/{branch_policy_id}"
    call("GET", one, branch_policy_id=policy)
    call("PUT", one, {"name": "release/*"}, branch_policy_id=policy)
    call("DELETE", one, branch_policy_id=policy)
    call.secret(REPO + "/actions/secrets", "/actions")
    call.secret(ENVIRONMENT + "/secrets", "/environments/production")
    for variables in (REPO + "/actions/variables", ENVIRONMENT + "/variables"):
        call("POST", variables, {"name": "NAME", "value": "one"})
        call("GET", variables)
        call("GET", variables + "/{name}")
        call("PATCH", variables + "/{name}", {"value": "two"})
        call("DELETE", variables + "/{name}")
    call("DELETE", ENVIRONMENT)
    pulls = REPO + "/pulls"
    number = call("POST", pulls, {"title": "A change", "head": "change", "base": "main"})["number"]
    call("GET", pulls)
    call("GET", pulls + "/{pull_number}", pull_number=number)
    comments = REPO + "/issues/{issue_number}/comments"
    comment = call("POST", comments, {"body": "said"}, issue_number=number)["id"]
    call("GET", comments, issue_number=number)
    one = REPO + "/issues/comments/{comment_id}"
    call("GET", one, comment_id=comment)
    call("PATCH", one, {"body": "said again"}, comment_id=comment)
    call("DELETE", one, comment_id=comment)
    call("PATCH", pulls + "/{pull_number}", {"state": "closed"}, pull_number=number)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """A recorder that has made all calls."""
    with RunningCloud(tmp_path_factory.mktemp("github") / "home") as cloud:
        call = Recorder(cloud)
        play(call)
        yield call


def test_every_answer_has_the_type_that_github_publishes(played: Recorder, tmp_path: Path) -> None:
    declared = []
    for number, (method, path, status, document) in enumerate(played.answers):
        kind = f'Body<paths["{path}"]["{method}"]["responses"][{status}]>'
        literal = json.dumps(without(document, set(EXPLAINED)))
        declared.append(f"export const a{number}: {kind} = {literal};")
    errors = type_errors(tmp_path, HEAD, declared)
    found = {f"{played.answers[at][0]} {played.answers[at][1]}": errors[at] for at in errors}
    assert found == {}


def test_what_is_explained_is_still_answered(played: Recorder) -> None:
    text = json.dumps([document for *_, document in played.answers])
    assert [field for field in EXPLAINED if f'"{field}"' not in text] == []


def unjudged_routes(called: list[tuple[str, str]], folder: Path) -> list[str]:
    """Return the routes of the stand-in that none of these calls (method, path) reached."""
    database = Database(folder / "empty.sqlite", GITHUB)
    scopes = [
        {"type": "http", "method": method, "path": path, "root_path": "", "path_params": {}}
        for method, path in called
    ]
    missing = []
    for route in stand_in_routes(Site(database, VirtualClock(database))):
        assert isinstance(route, Route)
        for method in set(route.methods or ()) - {"HEAD"}:
            known = [scope for scope in scopes if scope["method"] == method]
            if not any(route.matches(scope)[0] is Match.FULL for scope in known):
                missing.append(f"{method} {route.path}")
    database.close()
    return missing


def test_every_route_of_the_stand_in_was_judged(played: Recorder, tmp_path: Path) -> None:
    assert unjudged_routes(played.called, tmp_path) == []
