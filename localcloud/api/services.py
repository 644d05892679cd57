"""What wrangler asks of a script beside the documented API.

A Worker is a service with one environment, `production`. Wrangler reads it before a deployment,
sets routes and custom domains through it, and deletes through it. Source: cloudflare/workers-sdk,
packages/wrangler/src (deploy, triggers, delete).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.listing import ListQuery
from localcloud.api.references import service_scripts
from localcloud.api.resources import Account
from localcloud.api.uploads import newest_version
from localcloud.api.worker_domains import HOSTNAME, WorkerDomains
from localcloud.api.worker_routes import check_pattern
from localcloud.api.workers import delete_worker, find_worker
from localcloud.api.zones import is_within
from localcloud.database import Row

# Codes: 10026 malformed body, 10090 unknown service.
_MALFORMED = 10026
_ENVIRONMENT = "production"


class _Route(BaseModel):
    model_config = ConfigDict(extra="ignore")
    pattern: str = Field(max_length=1024)
    zone_id: str | None = None
    zone_name: str | None = None


class _Routes(RootModel[list[_Route]]):
    pass


class _Origin(BaseModel):
    model_config = ConfigDict(extra="ignore")
    hostname: str = Field(pattern=HOSTNAME, max_length=253)
    zone_id: str | None = None
    zone_name: str | None = None


class _Origins(BaseModel):
    model_config = ConfigDict(extra="ignore")
    override_existing_origin: bool = False
    origins: list[_Origin]


class Services:
    """The services of an account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._domains = WorkerDomains(account)

    def routes(self) -> Sequence[Route]:
        """/workers/services/{name}, and below the script: routes, domains, references."""
        one = "/workers/services/{script_name}"
        script = "/workers/scripts/{script_name}"
        return [
            Route(one, self._read, methods=["GET"]),
            Route(one, self._delete, methods=["DELETE"]),
            Route(f"{script}/routes", self._replace_routes, methods=["PUT"]),
            Route(f"{script}/domains/records", self._attach_domains, methods=["PUT"]),
            Route(f"{script}/references", self._references, methods=["GET"]),
            Route("/workers/tails/by-consumer/{script_name}", self._producers, methods=["GET"]),
        ]

    def _find(self, request: Request) -> Row:
        name = request.path_params["script_name"]
        try:
            return find_worker(self._account, name)
        except ApiError:
            text = "This service does not exist on your account."
            raise ApiError(404, 10090, text) from None

    async def _read(self, request: Request) -> Response:
        row = self._find(request)
        version = newest_version(self._account, row)
        document = json.loads(version["document"]) if version else {}
        environment = {
            "environment": _ENVIRONMENT,
            "created_on": row["created_on"],
            "modified_on": row["updated_on"],
            "script": {
                "id": row["name"],
                "tag": row["id"],
                "tags": json.loads(row["tags"]),
                "etag": version["bundle"] if version else "",
                "handlers": [],
                "created_on": row["created_on"],
                "modified_on": row["updated_on"],
                "last_deployed_from": document.get("source", "api"),
                "usage_model": "standard",
            },
        }
        return success(
            {
                "id": row["name"],
                "created_on": row["created_on"],
                "modified_on": row["updated_on"],
                "default_environment": environment,
                "environments": [environment],
            }
        )

    async def _delete(self, request: Request) -> Response:
        query = ListQuery(request)
        force = query.flag("force") or False
        query.done()
        await delete_worker(self._account, self._find(request), force=force)
        return success(None)

    async def _replace_routes(self, request: Request) -> Response:
        """Give the script these routes and no others."""
        worker = find_worker(self._account, request.path_params["script_name"])
        wanted = (await body_model(request, _Routes, code=_MALFORMED)).root
        zones = self._account.database.rows("SELECT * FROM zones ORDER BY length(name) DESC")
        placed = [(route.pattern, _zone_of(route, zones)["id"]) for route in wanted]
        database = self._account.database
        try:
            with database.transaction():
                database.execute("DELETE FROM worker_routes WHERE script = ?", worker["name"])
                for pattern, zone_id in placed:
                    database.execute(
                        "INSERT INTO worker_routes VALUES (?, ?, ?, ?)",
                        self._account.ids(),
                        zone_id,
                        pattern,
                        worker["name"],
                    )
        except sqlite3.IntegrityError as error:
            raise ApiError(409, 10020, "A route with the same pattern already exists.") from error
        await self._account.desired.sync_routes()
        return success([pattern for pattern, _ in placed])

    async def _attach_domains(self, request: Request) -> Response:
        worker = find_worker(self._account, request.path_params["script_name"])
        wanted = await body_model(request, _Origins, code=_MALFORMED)
        found = []
        for origin in wanted.origins:
            found.append(
                await self._domains.attach(
                    origin.hostname,
                    worker["name"],
                    zone_id=origin.zone_id,
                    zone_name=origin.zone_name,
                    override=wanted.override_existing_origin,
                )
            )
        return success(found)

    async def _references(self, request: Request) -> Response:
        row = find_worker(self._account, request.path_params["script_name"])
        callers = service_scripts(self._account.database, row["name"])
        incoming = [{"service": name, "environment": _ENVIRONMENT} for name in callers]
        services: dict[str, Any] = {"incoming": incoming, "outgoing": [], "pages_function": False}
        return success({"services": services, "durable_objects": [], "dispatch_outbounds": []})

    async def _producers(self, request: Request) -> Response:
        """Workers that send their tail to this one."""
        name = find_worker(self._account, request.path_params["script_name"])["name"]
        rows = self._account.database.rows(
            "SELECT name, tail_consumers FROM workers ORDER BY rowid"
        )
        producers = [
            {"producer": {"script": row["name"]}, "consumer": {"script": name}}
            for row in rows
            if any(
                name in {consumer.get("service"), consumer.get("name")}
                for consumer in json.loads(row["tail_consumers"])
            )
        ]
        return success(producers)


def _zone_of(route: _Route, zones: list[Row]) -> Row:
    """The zone of a route: the one that it names, else the longest that has its host."""
    host = check_pattern(route.pattern)
    for zone in zones:
        named = route.zone_id in {None, zone["id"]} and route.zone_name in {None, zone["name"]}
        if named and is_within(host, zone["name"]):
            return zone
    text = f"There is no zone in your account for the route {route.pattern!r}."
    raise ApiError(400, 10022, text)


def routes(account: Account) -> Sequence[Route]:
    """The family's routes, below the account."""
    return Services(account).routes()
