"""Routes: patterns of URLs in a zone that a Worker answers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.listing import ListQuery, unsorted
from localcloud.api.resources import Account
from localcloud.api.workers import find_worker
from localcloud.api.zones import find_zone, is_within
from localcloud.database import Row

# Codes: 10007 unknown Worker, 10009 unknown route, 10020 pattern taken, 10022 invalid pattern.
_INVALID = 10022
# A star may begin the host and end the path, nowhere else; a query is never part of a pattern.
_PATTERN = re.compile(r"(?:https?://)?(?P<star>\*\.?)?(?P<host>[a-z0-9.-]+)(?P<path>/[^*?#]*\*?)?")


class _Route(BaseModel):
    model_config = ConfigDict(extra="ignore")
    pattern: str = Field(max_length=1024)
    script: str | None = None


class WorkerRoutes:
    """The routes of the account's zones."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._database = account.database

    def routes(self) -> Sequence[Route]:
        """/zones/{zone_id}/workers/routes and below, below /client/v4."""
        path = "/zones/{zone_id}/workers/routes"
        one = path + "/{route_id}"
        return [
            Route(path, self._create, methods=["POST"]),
            Route(path, self._listing, methods=["GET"]),
            Route(one, self._read, methods=["GET"]),
            Route(one, self._change, methods=["PUT"]),
            Route(one, self._delete, methods=["DELETE"]),
        ]

    async def _create(self, request: Request) -> Response:
        zone = find_zone(self._database, request)
        wanted = await self._checked(request, zone)
        identifier = self._account.ids()
        try:
            self._database.execute(
                "INSERT INTO worker_routes VALUES (?, ?, ?, ?)",
                identifier,
                zone["id"],
                wanted.pattern,
                wanted.script,
            )
        except sqlite3.IntegrityError as error:
            raise _taken(wanted.pattern) from error
        await self._account.desired.sync_routes()
        return success(_shown(self._find(zone, identifier)))

    async def _listing(self, request: Request) -> Response:
        zone = find_zone(self._database, request)
        rows = self._database.rows("SELECT * FROM worker_routes WHERE zone_id = ?", zone["id"])
        rows = unsorted(rows, lambda row: str(row["pattern"]))
        return ListQuery(request, code=_INVALID).page([_shown(row) for row in rows], per_page=None)

    async def _read(self, request: Request) -> Response:
        return success(_shown(self._asked(request)))

    async def _change(self, request: Request) -> Response:
        zone = find_zone(self._database, request)
        row = self._asked(request)
        wanted = await self._checked(request, zone)
        try:
            self._database.execute(
                "UPDATE worker_routes SET pattern = ?, script = ? WHERE id = ?",
                wanted.pattern,
                wanted.script,
                row["id"],
            )
        except sqlite3.IntegrityError as error:
            raise _taken(wanted.pattern) from error
        await self._account.desired.sync_routes()
        return success(_shown(self._find(zone, row["id"])))

    async def _delete(self, request: Request) -> Response:
        row = self._asked(request)
        self._database.execute("DELETE FROM worker_routes WHERE id = ?", row["id"])
        await self._account.desired.sync_routes()
        return success({"id": row["id"]})

    async def _checked(self, request: Request, zone: Row) -> _Route:
        """The body, whose pattern is well-formed and within the zone, and whose Worker exists."""
        wanted = await body_model(request, _Route, code=_INVALID)
        host = check_pattern(wanted.pattern)
        if not is_within(host, zone["name"]):
            text = (
                f"The pattern {wanted.pattern!r} isn't a host name of the zone {zone['name']!r} "
                "with a path."
            )
            raise ApiError(400, _INVALID, text)
        if wanted.script is not None:
            find_worker(self._account, wanted.script)
        return wanted

    def _asked(self, request: Request) -> Row:
        zone = find_zone(self._database, request)
        return self._find(zone, request.path_params["route_id"])

    def _find(self, zone: Row, identifier: str) -> Row:
        row = self._database.row(
            "SELECT * FROM worker_routes WHERE zone_id = ? AND id = ?", zone["id"], identifier
        )
        if row is None:
            raise ApiError(404, 10009, "There is no such route in this zone.")
        return row


def check_pattern(pattern: str) -> str:
    """Return the host of a route's pattern. Raises ApiError(400, 10022)."""
    match = _PATTERN.fullmatch(pattern)
    if match is None:
        text = (
            f"The pattern {pattern!r} isn't a host name with a path; a star may only begin the "
            "host or end the path."
        )
        raise ApiError(400, _INVALID, text)
    return str(match["host"])


def _shown(row: Row) -> dict[str, Any]:
    found = {"id": row["id"], "pattern": row["pattern"]}
    return found if row["script"] is None else {**found, "script": row["script"]}


def _taken(pattern: str) -> ApiError:
    return ApiError(409, 10020, f"A route with the pattern {pattern!r} already exists.")
