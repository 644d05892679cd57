"""Actions secrets of the repository and of its environments. Values go in and never come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.database import Row
from localcloud.github.body import body_of, text_in
from localcloud.github.error import GithubError, not_found, not_supplied
from localcloud.github.key_ring import KeyRing
from localcloud.github.names import lawful_name
from localcloud.github.paging import page_of
from localcloud.github.site import Site

MAX_VALUE_BYTES = 48 * 1024
_PREFIXES = (
    "/repos/{owner}/{repo}/actions/secrets",
    "/repos/{owner}/{repo}/environments/{environment}/secrets",
)


class ActionsSecrets:
    """The family's routes. What is kept is the sealed box, so the file tells nobody a value."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._keys = KeyRing(site.database)

    def routes(self) -> Sequence[Route]:
        """…/secrets and below, for the repository and for an environment."""
        return [
            route
            for prefix in _PREFIXES
            for route in (
                Route(prefix, self._listing, methods=["GET"]),
                Route(prefix + "/public-key", self._public_key, methods=["GET"]),
                Route(prefix + "/{name}", self._read, methods=["GET"]),
                Route(prefix + "/{name}", self._put, methods=["PUT"]),
                Route(prefix + "/{name}", self._delete, methods=["DELETE"]),
            )
        ]

    async def _listing(self, request: Request) -> Response:
        rows = self._site.database.rows(
            "SELECT * FROM github_secrets WHERE scope = ? ORDER BY name", self._site.scope(request)
        )
        shown, headers = page_of(request, rows)
        body = {"total_count": len(rows), "secrets": [_shown(row) for row in shown]}
        return JSONResponse(body, headers=headers)

    async def _public_key(self, request: Request) -> Response:
        key_id, key = self._keys.public_key(self._site.scope(request))
        return JSONResponse({"key_id": key_id, "key": key})

    async def _read(self, request: Request) -> Response:
        row = self._row(request)
        if row is None:
            raise not_found()
        return JSONResponse(_shown(row))

    async def _put(self, request: Request) -> Response:
        scope = self._site.scope(request)
        name = lawful_name(request.path_params["name"], kind="Secret")
        document = await body_of(request)
        key_id, sealed = text_in(document, "key_id"), text_in(document, "encrypted_value")
        if not key_id:
            raise not_supplied("key_id")
        if sealed is None:
            raise not_supplied("encrypted_value")
        box, plain = self._keys.opened(scope, key_id, sealed)
        if len(plain) > MAX_VALUE_BYTES:
            raise GithubError(422, f"Secret values cannot be larger than {MAX_VALUE_BYTES} bytes")
        known = self._row(request)
        now = self._site.now()
        self._site.database.execute(
            """INSERT INTO github_secrets VALUES (?, ?, ?, ?, ?) ON CONFLICT (scope, name)
               DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at""",
            *(scope, name, box, now, now),
        )
        if known is None:
            return JSONResponse({}, status_code=201)
        return Response(status_code=204)

    async def _delete(self, request: Request) -> Response:
        row = self._row(request)
        if row is None:
            raise not_found()
        sql = "DELETE FROM github_secrets WHERE scope = ? AND name = ?"
        self._site.database.execute(sql, row["scope"], row["name"])
        return Response(status_code=204)

    def _row(self, request: Request) -> Row | None:
        return self._site.database.row(
            "SELECT * FROM github_secrets WHERE scope = ? AND name = ?",
            *(self._site.scope(request), request.path_params["name"].upper()),
        )


def _shown(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("name", "created_at", "updated_at")}
