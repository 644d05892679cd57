"""Pull requests of the local repository: opened, listed and closed, without code behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.database import Row
from localcloud.github.body import body_of, text_in
from localcloud.github.directory import OPERATOR, OWNER, REPOSITORY, person
from localcloud.github.error import GithubError, missing_field, not_found
from localcloud.github.paging import page_of
from localcloud.github.site import Site, check_repository

_LIST = "/repos/{owner}/{repo}/pulls"
_ONE = "/repos/{owner}/{repo}/pulls/{number:int}"
_STATES = ("open", "closed")


class PullRequests:
    """The family's routes. Source: GitHub REST API, "Pulls"."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Sequence[Route]:
        """…/pulls and …/pulls/{number}."""
        return [
            Route(_LIST, self._listing, methods=["GET"]),
            Route(_LIST, self._create, methods=["POST"]),
            Route(_ONE, self._read, methods=["GET"]),
            Route(_ONE, self._update, methods=["PATCH"]),
        ]

    async def _listing(self, request: Request) -> Response:
        check_repository(request)
        state = request.query_params.get("state", "open")
        if state not in (*_STATES, "all"):
            raise GithubError(422, "Validation Failed", [{"field": "state", "code": "invalid"}])
        rows = self._site.database.rows(
            "SELECT * FROM github_pull_requests WHERE ? IN ('all', state) ORDER BY number DESC",
            state,
        )
        shown, headers = page_of(request, rows)
        return JSONResponse([_shown(row) for row in shown], headers=headers)

    async def _create(self, request: Request) -> Response:
        check_repository(request)
        document = await body_of(request)
        values = [_required(document, field) for field in ("title", "head", "base")]
        database = self._site.database
        with database.transaction():
            database.execute(
                """INSERT INTO github_pull_requests (title, head, base, state, created_at)
                   VALUES (?, ?, ?, 'open', ?)""",
                *(*values, self._site.now()),
            )
            row = database.row(
                "SELECT * FROM github_pull_requests WHERE number = last_insert_rowid()"
            )
        assert row is not None  # noqa: S101  it was inserted just now, in the same transaction
        return JSONResponse(_shown(row), status_code=201)

    async def _read(self, request: Request) -> Response:
        return JSONResponse(_shown(self._row(request)))

    async def _update(self, request: Request) -> Response:
        row = self._row(request)
        state = text_in(await body_of(request), "state") or row["state"]
        if state not in _STATES:
            raise GithubError(422, "Validation Failed", [{"field": "state", "code": "invalid"}])
        self._site.database.execute(
            "UPDATE github_pull_requests SET state = ? WHERE number = ?", state, row["number"]
        )
        return JSONResponse(_shown(self._row(request)))

    def _row(self, request: Request) -> Row:
        check_repository(request)
        row = self._site.database.row(
            "SELECT * FROM github_pull_requests WHERE number = ?", request.path_params["number"]
        )
        if row is None:
            raise not_found()
        return row


def _required(document: dict[str, Any], field: str) -> str:
    value = text_in(document, field)
    if not value or not value.strip():
        raise missing_field("PullRequest", field)
    return value


def _shown(row: Row) -> dict[str, Any]:
    number = int(row["number"])
    path = f"{OWNER}/{REPOSITORY}"
    return {
        "number": number,
        "url": f"/repos/{path}/pulls/{number}",
        "html_url": f"/{path}/pull/{number}",
        "state": row["state"],
        "title": row["title"],
        "user": person(OPERATOR),
        "head": {"ref": row["head"], "label": f"{OWNER}:{row['head']}"},
        "base": {"ref": row["base"], "label": f"{OWNER}:{row['base']}"},
        "created_at": row["created_at"],
    }
