"""Comments of issues and pull requests; any number stands for one that exists."""

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

MAX_BODY_LENGTH = 65_536
_LIST = "/repos/{owner}/{repo}/issues/{number:int}/comments"
_ONE = "/repos/{owner}/{repo}/issues/comments/{id:int}"


class IssueComments:
    """The family's routes."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Sequence[Route]:
        """…/issues/{number}/comments and …/issues/comments/{id}."""
        return [
            Route(_LIST, self._listing, methods=["GET"]),
            Route(_LIST, self._create, methods=["POST"]),
            Route(_ONE, self._read, methods=["GET"]),
            Route(_ONE, self._update, methods=["PATCH"]),
            Route(_ONE, self._delete, methods=["DELETE"]),
        ]

    async def _listing(self, request: Request) -> Response:
        check_repository(request)
        rows = self._site.database.rows(
            "SELECT * FROM github_comments WHERE issue = ? ORDER BY id",
            request.path_params["number"],
        )
        shown, headers = page_of(request, rows)
        return JSONResponse([_shown(row) for row in shown], headers=headers)

    async def _create(self, request: Request) -> Response:
        check_repository(request)
        body = _body(await body_of(request))
        now = self._site.now()
        database = self._site.database
        with database.transaction():
            database.execute(
                """INSERT INTO github_comments (issue, body, created_at, updated_at)
                   VALUES (?, ?, ?, ?)""",
                *(request.path_params["number"], body, now, now),
            )
            row = database.row("SELECT * FROM github_comments WHERE id = last_insert_rowid()")
        assert row is not None  # noqa: S101  it was inserted just now, in the same transaction
        return JSONResponse(_shown(row), status_code=201)

    async def _read(self, request: Request) -> Response:
        return JSONResponse(_shown(self._row(request)))

    async def _update(self, request: Request) -> Response:
        row = self._row(request)
        self._site.database.execute(
            "UPDATE github_comments SET body = ?, updated_at = ? WHERE id = ?",
            *(_body(await body_of(request)), self._site.now(), row["id"]),
        )
        return JSONResponse(_shown(self._row(request)))

    async def _delete(self, request: Request) -> Response:
        row = self._row(request)
        self._site.database.execute("DELETE FROM github_comments WHERE id = ?", row["id"])
        return Response(status_code=204)

    def _row(self, request: Request) -> Row:
        check_repository(request)
        sql = "SELECT * FROM github_comments WHERE id = ?"
        row = self._site.database.row(sql, request.path_params["id"])
        if row is None:
            raise not_found()
        return row


def _body(document: dict[str, Any]) -> str:
    body = text_in(document, "body")
    if not body or not body.strip():
        raise missing_field("IssueComment", "body")
    if len(body) > MAX_BODY_LENGTH:
        text = f"body is too long (maximum is {MAX_BODY_LENGTH} characters)"
        raise GithubError(422, "Validation Failed", [{"field": "body", "message": text}])
    return body


def _shown(row: Row) -> dict[str, Any]:
    number = int(row["id"])
    path = f"{OWNER}/{REPOSITORY}"
    return {
        "id": number,
        "node_id": f"IC_{number}",
        "url": f"/repos/{path}/issues/comments/{number}",
        "issue_url": f"/repos/{path}/issues/{row['issue']}",
        "html_url": f"/{path}/pull/{row['issue']}#issuecomment-{number}",
        "body": row["body"],
        "user": person(OPERATOR),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "author_association": "MEMBER",
    }
