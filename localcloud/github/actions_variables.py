"""Actions variables of the repository and of its environments, in clear text."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.database import Row
from localcloud.github.body import body_of, text_in
from localcloud.github.error import GithubError, not_found, not_supplied
from localcloud.github.names import lawful_name
from localcloud.github.paging import page_of
from localcloud.github.site import Site

MAX_VALUE_BYTES = 48 * 1024
_PREFIXES = (
    "/repos/{owner}/{repo}/actions/variables",
    "/repos/{owner}/{repo}/environments/{environment}/variables",
)


class ActionsVariables:
    """The family's routes."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Sequence[Route]:
        """…/variables and below, for the repository and for an environment."""
        return [
            route
            for prefix in _PREFIXES
            for route in (
                Route(prefix, self._listing, methods=["GET"]),
                Route(prefix, self._create, methods=["POST"]),
                Route(prefix + "/{name}", self._read, methods=["GET"]),
                Route(prefix + "/{name}", self._update, methods=["PATCH"]),
                Route(prefix + "/{name}", self._delete, methods=["DELETE"]),
            )
        ]

    async def _listing(self, request: Request) -> Response:
        rows = self._site.database.rows(
            "SELECT * FROM github_variables WHERE scope = ? ORDER BY name",
            self._site.scope(request),
        )
        shown, headers = page_of(request, rows, default=10, largest=30)
        body = {"total_count": len(rows), "variables": [_shown(row) for row in shown]}
        return JSONResponse(body, headers=headers)

    async def _create(self, request: Request) -> Response:
        scope = self._site.scope(request)
        document = await body_of(request)
        name, value = text_in(document, "name"), _value(document)
        if not name:
            raise not_supplied("name")
        if value is None:
            raise not_supplied("value")
        now = self._site.now()
        try:
            self._site.database.execute(
                "INSERT INTO github_variables VALUES (?, ?, ?, ?, ?)",
                *(scope, lawful_name(name, kind="Variable"), value, now, now),
            )
        except sqlite3.IntegrityError as error:
            raise GithubError(409, "Already exists - Variable already exists") from error
        return JSONResponse({}, status_code=201)

    async def _read(self, request: Request) -> Response:
        return JSONResponse(_shown(self._row(request)))

    async def _update(self, request: Request) -> Response:
        row = self._row(request)
        document = await body_of(request)
        name, value = text_in(document, "name"), _value(document)
        try:
            self._site.database.execute(
                """UPDATE github_variables SET name = ?, value = ?, updated_at = ?
                   WHERE scope = ? AND name = ?""",
                lawful_name(name or row["name"], kind="Variable"),
                row["value"] if value is None else value,
                *(self._site.now(), row["scope"], row["name"]),
            )
        except sqlite3.IntegrityError as error:
            raise GithubError(409, "Already exists - Variable already exists") from error
        return Response(status_code=204)

    async def _delete(self, request: Request) -> Response:
        row = self._row(request)
        sql = "DELETE FROM github_variables WHERE scope = ? AND name = ?"
        self._site.database.execute(sql, row["scope"], row["name"])
        return Response(status_code=204)

    def _row(self, request: Request) -> Row:
        row = self._site.database.row(
            "SELECT * FROM github_variables WHERE scope = ? AND name = ?",
            *(self._site.scope(request), request.path_params["name"].upper()),
        )
        if row is None:
            raise not_found()
        return row


def _value(document: dict[str, Any]) -> str | None:
    value = text_in(document, "value")
    if value is not None and len(value.encode()) > MAX_VALUE_BYTES:
        raise GithubError(422, f"Variable values cannot be larger than {MAX_VALUE_BYTES} bytes")
    return value


def _shown(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("name", "value", "created_at", "updated_at")}
