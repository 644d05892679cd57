"""Call every route of GitHub's stand-in with githubkit, and print what its models say of it.

It runs in an environment of its own (githubkit.txt): `githubkit_client.py URL TOKEN`. Printed is
one JSON object: `called` (method and path of each request), `errors` (where an answer couldn't be
parsed into its model) and `unknown` (fields that a model doesn't have).
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from githubkit import GitHub  # type: ignore[import-not-found]  # not the project's
from nacl.public import PublicKey, SealedBox
from pydantic import BaseModel

VERSION = "2022-11-28"  # of the API: the one that pulumi-github and the stand-in speak
REPO = {"owner": "local", "repo": "notification-system"}
ENVIRONMENT = {"environment_name": "production"}


class Judge:
    """githubkit's client, and what came of its calls."""

    def __init__(self, url: str, token: str) -> None:
        self.github = GitHub(token, base_url=url, auto_retry=False, http_cache=False)
        self.called: list[tuple[str, str]] = []
        self.errors: list[str] = []
        self.unknown: set[str] = set()

    def __call__(self, method: str, /, **arguments: Any) -> Any:
        """Make a call by its place in the client; return the answer, parsed where it can be."""
        family, name = method.split(".")
        function: Callable[..., Any] = getattr(getattr(self.github.rest(VERSION), family), name)
        response = function(**arguments)
        request = response.raw_request
        self.called.append((request.method, request.url.path.removeprefix("/api/v3")))
        if not response.content:
            return None
        try:
            parsed = response.parsed_data
        except Exception as error:
            self.errors.append(f"{method}: {error}")
            return response.json()
        self.unknown.update(f"{method}: {field}" for field in unknown(response.json(), parsed))
        return parsed

    def secret(self, key: str, kind: str, **where: Any) -> None:
        """Store, list, read and remove a secret."""
        found = self(f"actions.get_{key}_public_key", **where)
        box = SealedBox(PublicKey(base64.b64decode(found.key)))
        sealed = {
            "key_id": found.key_id,
            "encrypted_value": base64.b64encode(box.encrypt(b"value")).decode(),
        }
        one = {"secret_name": "NAME", **where}
        self(f"actions.create_or_update_{kind}_secret", **one, data=sealed)
        self(f"actions.list_{kind}_secrets", **where)
        self(f"actions.get_{kind}_secret", **one)
        self(f"actions.delete_{kind}_secret", **one)

    def variable(self, kind: str, **where: Any) -> None:
        """Make, list, read, change and remove a variable."""
        self(f"actions.create_{kind}_variable", **where, data={"name": "NAME", "value": "one"})
        self(f"actions.list_{kind}_variables", **where)
        self(f"actions.get_{kind}_variable", **where, name="NAME")
        self(f"actions.update_{kind}_variable", **where, name="NAME", data={"value": "two"})
        self(f"actions.delete_{kind}_variable", **where, name="NAME")


def unknown(document: Any, parsed: Any) -> Iterator[str]:
    """Yield the fields of a document that no model has."""
    if isinstance(parsed, BaseModel):
        fields = {info.alias or name: name for name, info in type(parsed).model_fields.items()}
        for field, value in document.items():
            if field in fields:
                below = unknown(value, getattr(parsed, fields[field]))
                yield from (f"{field}.{name}" for name in below)
            else:
                yield field
    elif isinstance(parsed, list):
        for value, item in zip(document, parsed, strict=True):
            yield from unknown(value, item)


def play(call: Judge) -> None:
    """Make every call that the stand-in has a route for."""
    call("users.get_authenticated")
    reviewer = call("users.get_by_username", username="reviewer-one").id
    call("users.list_public_keys_for_user", username="reviewer-one")
    call("users.list_gpg_keys_for_user", username="reviewer-one")
    call("orgs.get", org="local")
    call("repos.get", **REPO)
    at = {**REPO, **ENVIRONMENT}
    rules = {
        "wait_timer": 5,
        "reviewers": [{"type": "User", "id": reviewer}],
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    }
    call("repos.create_or_update_environment", **at, data=rules)
    call("repos.get_environment", **at)
    call("repos.get_all_environments", **REPO)
    policy = call("repos.create_deployment_branch_policy", **at, data={"name": "main"}).id
    call("repos.list_deployment_branch_policies", **at)
    one = {"branch_policy_id": policy, **at}
    call("repos.get_deployment_branch_policy", **one)
    call("repos.update_deployment_branch_policy", **one, data={"name": "release/*"})
    call("repos.delete_deployment_branch_policy", **one)
    call.secret("repo", "repo", **REPO)
    call.secret("environment", "environment", **at)
    call.variable("repo", **REPO)
    call.variable("environment", **at)
    call("repos.delete_an_environment", **at)
    wanted = {"title": "A change", "head": "change", "base": "main"}
    number = call("pulls.create", **REPO, data=wanted).number
    call("pulls.list", **REPO)
    call("pulls.get", **REPO, pull_number=number)
    said = {"body": "said"}
    comment = call("issues.create_comment", **REPO, issue_number=number, data=said).id
    call("issues.list_comments", **REPO, issue_number=number)
    call("issues.get_comment", **REPO, comment_id=comment)
    call("issues.update_comment", **REPO, comment_id=comment, data={"body": "said again"})
    call("issues.delete_comment", **REPO, comment_id=comment)
    call("pulls.update", **REPO, pull_number=number, data={"state": "closed"})


if __name__ == "__main__":
    judge = Judge(*sys.argv[1:3])
    play(judge)
    report = {"called": judge.called, "errors": judge.errors, "unknown": sorted(judge.unknown)}
    sys.stdout.write(json.dumps(report))
