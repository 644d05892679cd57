"""The branches and tags from which an environment takes deployments, by name pattern."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.database import Row
from localcloud.github.body import body_of, text_in
from localcloud.github.error import GithubError, not_found, not_supplied
from localcloud.github.paging import page_of
from localcloud.github.site import Site

_LIST = "/repos/{owner}/{repo}/environments/{environment}/deployment-branch-policies"
_ONE = _LIST + "/{id:int}"


class BranchPolicies:
    """The family's routes."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Sequence[Route]:
        """…/environments/{environment}/deployment-branch-policies and below."""
        return [
            Route(_LIST, self._listing, methods=["GET"]),
            Route(_LIST, self._create, methods=["POST"]),
            Route(_ONE, self._read, methods=["GET"]),
            Route(_ONE, self._update, methods=["PUT"]),
            Route(_ONE, self._delete, methods=["DELETE"]),
        ]

    def _find(self, request: Request) -> Row:
        environment = self._site.environment(request)["id"]
        row = self._site.database.row(
            "SELECT * FROM github_branch_policies WHERE environment_id = ? AND id = ?",
            *(environment, request.path_params["id"]),
        )
        if row is None:
            raise not_found()
        return row

    async def _listing(self, request: Request) -> Response:
        rows = self._site.database.rows(
            "SELECT * FROM github_branch_policies WHERE environment_id = ? ORDER BY id",
            self._site.environment(request)["id"],
        )
        shown, headers = page_of(request, rows)
        body = {"total_count": len(rows), "branch_policies": [_shown(row) for row in shown]}
        return JSONResponse(body, headers=headers)

    async def _create(self, request: Request) -> Response:
        environment = self._site.environment(request)
        policy = json.loads(environment["branch_policy"] or "{}")
        if not policy.get("custom_branch_policies"):
            raise not_found()
        document = await body_of(request)
        name, kind = _name(document), text_in(document, "type") or "branch"
        if kind not in ("branch", "tag"):
            raise GithubError(422, "Validation Failed", ["Type must be branch or tag"])
        database = self._site.database
        with database.transaction():
            try:
                database.execute(
                    """INSERT INTO github_branch_policies (environment_id, name, type)
                       VALUES (?, ?, ?)""",
                    *(environment["id"], name, kind),
                )
            except sqlite3.IntegrityError as error:
                raise _taken() from error
            row = database.row(
                "SELECT * FROM github_branch_policies WHERE id = last_insert_rowid()"
            )
        assert row is not None  # noqa: S101  it was inserted just now, in the same transaction
        return JSONResponse(_shown(row))

    async def _read(self, request: Request) -> Response:
        return JSONResponse(_shown(self._find(request)))

    async def _update(self, request: Request) -> Response:
        row = self._find(request)
        name = _name(await body_of(request))
        sql = "UPDATE github_branch_policies SET name = ? WHERE id = ?"
        try:
            self._site.database.execute(sql, name, row["id"])
        except sqlite3.IntegrityError as error:
            raise _taken() from error
        return JSONResponse(_shown(self._find(request)))

    async def _delete(self, request: Request) -> Response:
        row = self._find(request)
        sql = "DELETE FROM github_branch_policies WHERE id = ?"
        self._site.database.execute(sql, row["id"])
        return Response(status_code=204)


def _taken() -> GithubError:
    return GithubError(303, "The branch name pattern already exists")


def _name(document: dict[str, Any]) -> str:
    name = text_in(document, "name")
    if not name:
        raise not_supplied("name")
    return name


def _shown(row: Row) -> dict[str, Any]:
    number = int(row["id"])
    return {"id": number, "node_id": f"GP_{number}", "name": row["name"], "type": row["type"]}
