"""Environments of the repository: who reviews a deployment, and from which branches it may come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.database import Row
from localcloud.github.body import body_of, flag_in
from localcloud.github.directory import OWNER, REPOSITORY, person
from localcloud.github.error import GithubError, wrong_type
from localcloud.github.paging import page_of
from localcloud.github.site import Site, check_repository

# REST API reference, "Create or update an environment".
MAX_WAIT_MINUTES = 43_200
MAX_REVIEWERS = 6
MAX_NAME_LENGTH = 255
_LIST = "/repos/{owner}/{repo}/environments"
_ONE = _LIST + "/{environment}"


class Environments:
    """The family's routes."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Sequence[Route]:
        """/repos/{owner}/{repo}/environments and below."""
        return [
            Route(_LIST, self._listing, methods=["GET"]),
            Route(_ONE, self._read, methods=["GET"]),
            Route(_ONE, self._put, methods=["PUT"]),
            Route(_ONE, self._delete, methods=["DELETE"]),
        ]

    async def _listing(self, request: Request) -> Response:
        check_repository(request)
        rows = self._site.database.rows("SELECT * FROM github_environments ORDER BY id")
        shown, headers = page_of(request, rows)
        body = {"total_count": len(rows), "environments": [_shown(row) for row in shown]}
        return JSONResponse(body, headers=headers)

    async def _read(self, request: Request) -> Response:
        return JSONResponse(_shown(self._site.environment(request)))

    async def _put(self, request: Request) -> Response:
        check_repository(request)
        name = request.path_params["environment"]
        if len(name) > MAX_NAME_LENGTH:
            raise GithubError(422, "Validation Failed", ["Name is too long"])
        document = await body_of(request)
        reviewers = _reviewers(document)
        policy = _branch_policy(document)
        wait = _wait_timer(document)
        self_review = flag_in(document, "prevent_self_review", default=False)
        bypass = flag_in(document, "can_admins_bypass", default=True)
        now = self._site.now()
        database = self._site.database
        with database.transaction():
            database.execute(
                """INSERT INTO github_environments (name, created_at, updated_at, wait_timer,
                     prevent_self_review, can_admins_bypass, reviewers, branch_policy)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                   ON CONFLICT (name) DO UPDATE SET updated_at = excluded.updated_at,
                     wait_timer = excluded.wait_timer,
                     prevent_self_review = excluded.prevent_self_review,
                     can_admins_bypass = excluded.can_admins_bypass,
                     reviewers = excluded.reviewers, branch_policy = excluded.branch_policy""",
                *(name, now, now, wait, self_review, bypass),
                json.dumps(reviewers),
                None if policy is None else json.dumps(policy),
            )
            row = self._site.environment(request)
            if policy is None or not policy["custom_branch_policies"]:
                database.execute(
                    "DELETE FROM github_branch_policies WHERE environment_id = ?", row["id"]
                )
        return JSONResponse(_shown(row))

    async def _delete(self, request: Request) -> Response:
        scope = self._site.environment(request)["id"]
        database = self._site.database
        with database.transaction():
            database.execute("DELETE FROM github_environments WHERE id = ?", scope)
            for table in ("github_secrets", "github_variables", "github_keys"):
                database.execute(f"DELETE FROM {table} WHERE scope = ?", scope)  # noqa: S608  fixed names
        return Response(status_code=204)


def _reviewers(document: dict[str, Any]) -> list[dict[str, Any]]:
    given = document.get("reviewers") or []
    if not isinstance(given, list):
        raise wrong_type("reviewers")
    if len(given) > MAX_REVIEWERS:
        text = f"Reviewers cannot be more than {MAX_REVIEWERS}"
        raise GithubError(422, "Validation Failed", [text])
    for entry in given:
        if not isinstance(entry, dict) or entry.get("type") not in ("User", "Team"):
            raise wrong_type("reviewers")
        # No team exists here; people have to be able to read the repository, which these can.
        if type(entry.get("id")) is not int:
            raise wrong_type("reviewers")
        if entry["type"] == "Team" or person(entry["id"]) is None:
            text = f"{entry['type']} with ID {entry['id']} cannot review this environment"
            raise GithubError(422, "Validation Failed", [text])
    return [{"type": entry["type"], "id": entry["id"]} for entry in given]


def _branch_policy(document: dict[str, Any]) -> dict[str, bool] | None:
    policy = document.get("deployment_branch_policy")
    if policy is None:
        return None
    if not isinstance(policy, dict):
        raise wrong_type("deployment_branch_policy")
    protected = flag_in(policy, "protected_branches", default=False)
    custom = flag_in(policy, "custom_branch_policies", default=False)
    if protected == custom:
        text = "protected_branches and custom_branch_policies cannot have the same value"
        raise GithubError(422, "Validation Failed", [text])
    return {"protected_branches": protected, "custom_branch_policies": custom}


def _wait_timer(document: dict[str, Any]) -> int:
    wait = document.get("wait_timer") or 0
    if not isinstance(wait, int) or isinstance(wait, bool):
        raise wrong_type("wait_timer")
    if not 0 <= wait <= MAX_WAIT_MINUTES:
        text = f"Wait timer must be between 0 and {MAX_WAIT_MINUTES} minutes"
        raise GithubError(422, "Validation Failed", [text])
    return wait


def _shown(row: Row) -> dict[str, Any]:
    number = int(row["id"])
    policy = None if row["branch_policy"] is None else json.loads(row["branch_policy"])
    path = f"{OWNER}/{REPOSITORY}"
    return {
        "id": number,
        "node_id": f"EN_{number}",
        "name": row["name"],
        "url": f"/repos/{path}/environments/{row['name']}",
        "html_url": f"/{path}/deployments/activity_log?environments_filter={row['name']}",
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "can_admins_bypass": bool(row["can_admins_bypass"]),
        "protection_rules": _rules(row, has_policy=policy is not None),
        "deployment_branch_policy": policy,
    }


def _rules(row: Row, *, has_policy: bool) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    if row["wait_timer"]:
        rules.append({"type": "wait_timer", "wait_timer": row["wait_timer"]})
    reviewers = json.loads(row["reviewers"])
    # GitHub keeps the ban on self-review in the rule that names the reviewers.
    if reviewers or row["prevent_self_review"]:
        rules.append(
            {
                "type": "required_reviewers",
                "prevent_self_review": bool(row["prevent_self_review"]),
                "reviewers": [
                    {"type": entry["type"], "reviewer": person(entry["id"])} for entry in reviewers
                ],
            }
        )
    if has_policy:
        rules.append({"type": "branch_policy"})
    first = int(row["id"]) * 10
    return [
        {"id": first + number, "node_id": f"GA_{first + number}", **rule}
        for number, rule in enumerate(rules)
    ]
