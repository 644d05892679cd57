"""What the local cloud has beside Cloudflare's API: health, logs, clock, cron, queues, faults."""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.api.envelope import ApiError, body_model
from localcloud.api.zones import add_zone, remove_zone
from localcloud.broker.broker import Broker
from localcloud.clock import MAX_ADVANCE_MS, VirtualClock
from localcloud.cron.cron_clock import CronClock
from localcloud.database import Database
from localcloud.errors import RuntimeDown
from localcloud.faults import Faults, InvalidFault
from localcloud.host_client import HostError
from localcloud.log_files import LEVELS, MAX_LINES, LogFiles
from localcloud.runtime import Runtime

_MALFORMED = 10026
_COUNTED = (
    "d1_databases",
    "kv_namespaces",
    "queues",
    "queue_consumers",
    "workers",
    "versions",
    "deployments",
    "schedules",
    "worker_domains",
    "worker_routes",
    "account_tokens",
    "github_environments",
    "github_secrets",
    "github_variables",
)


class _Advance(BaseModel):
    advance_ms: int = Field(ge=0, le=MAX_ADVANCE_MS)


class _Zone(BaseModel):
    name: str = Field(
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$", max_length=253
    )


class _Fault(BaseModel):
    fault: str


class _Firing(BaseModel):
    script: str
    cron: str


@dataclass(frozen=True)
class LocalApi:
    """/local/…; only calls that change something need the token."""

    database: Database
    faults: Faults
    runtime: Runtime
    clock: VirtualClock
    broker: Broker
    cron: CronClock
    logs: LogFiles
    require_token: Callable[[Request], None]
    moving: asyncio.Lock = field(default_factory=asyncio.Lock)

    def routes(self) -> Sequence[Route]:
        """All routes, from the root."""
        return [
            Route("/local/health", self._health, methods=["GET"]),
            Route("/local/logs", self._read_logs, methods=["GET"]),
            Route("/local/clock", self._read_clock, methods=["GET"]),
            Route("/local/clock", self._advance, methods=["POST"]),
            Route("/local/cron/run", self._run_cron, methods=["POST"]),
            Route("/local/cron", self._firings, methods=["GET"]),
            Route("/local/queues", self._queues, methods=["GET"]),
            Route("/local/state", self._state, methods=["GET"]),
            Route("/local/faults", self._list_faults, methods=["GET"]),
            Route("/local/faults", self._add_fault, methods=["POST"]),
            Route("/local/faults", self._clear_faults, methods=["DELETE"]),
            Route("/local/faults/{id:int}", self._clear_faults, methods=["DELETE"]),
            Route("/local/zones", self._add_zone, methods=["POST"]),
            Route("/local/zones/{name}", self._remove_zone, methods=["DELETE"]),
        ]

    async def _health(self, _: Request) -> Response:
        body = {
            "ok": self.runtime.up,
            "restarts": self.runtime.restarts,
            "runtime_pid": self.runtime.pid,
        }
        return JSONResponse(body, status_code=200 if self.runtime.up else 503)

    async def _read_logs(self, request: Request) -> Response:
        limit = request.query_params.get("limit", "100")
        level = request.query_params.get("level", "debug").lower()
        is_number = limit.isdecimal() and len(limit) <= 9
        if not is_number or not 1 <= int(limit) <= MAX_LINES:
            raise ApiError(400, _MALFORMED, f"limit must be from 1 to {MAX_LINES}.")
        if level not in LEVELS:
            raise ApiError(400, _MALFORMED, f"level must be one of {', '.join(sorted(LEVELS))}.")
        return JSONResponse({"logs": self.logs.newest(limit=int(limit), level=level)})

    async def _read_clock(self, _: Request) -> Response:
        return JSONResponse({"now_ms": self.clock.now_ms()})

    async def _advance(self, request: Request) -> Response:
        self.require_token(request)
        wanted = await body_model(request, _Advance, code=_MALFORMED)
        async with self.moving:
            # The Workers first: what wakes at the new time calls them. One that can't be told now
            # is told before it runs again.
            with suppress(RuntimeDown, HostError):
                host = self.runtime.client_now()
                await host.put_clock(self.clock.offset_ms + wanted.advance_ms)
            return JSONResponse({"now_ms": self.clock.advance(wanted.advance_ms)})

    async def _run_cron(self, request: Request) -> Response:
        self.require_token(request)
        wanted = await body_model(request, _Firing, code=_MALFORMED)
        try:
            return JSONResponse(await self.cron.fire(wanted.script, wanted.cron))
        except LookupError as error:
            raise ApiError(404, 10007, str(error.args[0])) from error
        except ValueError as error:
            raise ApiError(409, _MALFORMED, str(error)) from error

    async def _firings(self, _: Request) -> Response:
        rows = self.database.rows(
            "SELECT * FROM cron_firings ORDER BY fired_ms DESC, rowid DESC LIMIT 100"
        )
        return JSONResponse({"firings": [dict(row) for row in rows]})

    async def _queues(self, _: Request) -> Response:
        return JSONResponse({"queues": self.broker.backlogs()})

    async def _state(self, _: Request) -> Response:
        found: dict[str, Any] = {
            table: self.database.value(f"SELECT count(*) FROM {table}")  # noqa: S608  names from above
            for table in _COUNTED
        }
        found["messages"] = sum(queue["backlog_count"] for queue in self.broker.backlogs())
        return JSONResponse(found)

    async def _list_faults(self, _: Request) -> Response:
        return JSONResponse({"faults": [fault.document() for fault in self.faults.listed()]})

    async def _add_fault(self, request: Request) -> Response:
        self.require_token(request)
        wanted = await body_model(request, _Fault, code=_MALFORMED)
        try:
            return JSONResponse(self.faults.add(wanted.fault).document())
        except InvalidFault as error:
            raise ApiError(400, _MALFORMED, str(error)) from error

    async def _clear_faults(self, request: Request) -> Response:
        self.require_token(request)
        identifier = request.path_params.get("id")
        cleared = self.faults.clear(identifier)
        if identifier is not None and not cleared:
            raise ApiError(404, _MALFORMED, f"There is no fault {identifier}.")
        return JSONResponse({"cleared": cleared})

    async def _add_zone(self, request: Request) -> Response:
        """Give the account another domain, which at Cloudflare takes a registrar."""
        self.require_token(request)
        wanted = await body_model(request, _Zone, code=_MALFORMED)
        identifier = uuid.uuid4().hex
        try:
            add_zone(self.database, self.clock, identifier, wanted.name)
        except sqlite3.IntegrityError as error:
            raise ApiError(409, 1061, f"{wanted.name} already exists.") from error
        return JSONResponse({"id": identifier, "name": wanted.name})

    async def _remove_zone(self, request: Request) -> Response:
        self.require_token(request)
        name = request.path_params["name"]
        if not remove_zone(self.database, name):
            raise ApiError(404, 1001, f"The account has no zone {name}.")
        return JSONResponse({"name": name})
