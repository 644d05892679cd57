"""What the local cloud offers beside Cloudflare's API: health, logs, clock, cron, queues, state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.api.envelope import ApiError, body_model
from localcloud.broker.broker import Broker
from localcloud.clock import MAX_ADVANCE_MS, VirtualClock
from localcloud.cron.cron_clock import CronClock
from localcloud.database import Database
from localcloud.log_files import LEVELS, MOST_LINES, LogFiles
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
)


class _Advance(BaseModel):
    advance_ms: int = Field(ge=0, le=MAX_ADVANCE_MS)


class _Firing(BaseModel):
    script: str
    cron: str


def routes(
    *,
    database: Database,
    runtime: Runtime,
    clock: VirtualClock,
    broker: Broker,
    cron: CronClock,
    logs: LogFiles,
    require_token: Callable[[Request], None],
) -> Sequence[Route]:
    """/local/…; only calls that change something need the token."""

    async def health(_: Request) -> Response:
        body = {"ok": runtime.up, "restarts": runtime.restarts, "runtime_pid": runtime.pid}
        return JSONResponse(body, status_code=200 if runtime.up else 503)

    async def read_logs(request: Request) -> Response:
        limit = request.query_params.get("limit", "100")
        level = request.query_params.get("level", "debug").lower()
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST_LINES:
            raise ApiError(400, _MALFORMED, f"limit must be from 1 to {MOST_LINES}.")
        if level not in LEVELS:
            raise ApiError(400, _MALFORMED, f"level must be one of {', '.join(sorted(LEVELS))}.")
        return JSONResponse({"logs": logs.newest(limit=int(limit), level=level)})

    async def read_clock(_: Request) -> Response:
        return JSONResponse({"now_ms": clock.now_ms()})

    async def advance(request: Request) -> Response:
        require_token(request)
        wanted = await body_model(request, _Advance, code=_MALFORMED)
        return JSONResponse({"now_ms": clock.advance(wanted.advance_ms)})

    async def run_cron(request: Request) -> Response:
        require_token(request)
        wanted = await body_model(request, _Firing, code=_MALFORMED)
        try:
            return JSONResponse(await cron.fire(wanted.script, wanted.cron))
        except LookupError as error:
            raise ApiError(404, 10007, str(error.args[0])) from error
        except ValueError as error:
            raise ApiError(409, _MALFORMED, str(error)) from error

    async def firings(_: Request) -> Response:
        rows = database.rows(
            "SELECT * FROM cron_firings ORDER BY fired_ms DESC, rowid DESC LIMIT 100"
        )
        return JSONResponse({"firings": [dict(row) for row in rows]})

    async def queues(_: Request) -> Response:
        return JSONResponse({"queues": broker.backlogs()})

    async def state(_: Request) -> Response:
        found: dict[str, Any] = {
            table: database.value(f"SELECT count(*) FROM {table}")  # noqa: S608  names from above
            for table in _COUNTED
        }
        found["messages"] = sum(queue["backlog_count"] for queue in broker.backlogs())
        return JSONResponse(found)

    return [
        Route("/local/health", health, methods=["GET"]),
        Route("/local/logs", read_logs, methods=["GET"]),
        Route("/local/clock", read_clock, methods=["GET"]),
        Route("/local/clock", advance, methods=["POST"]),
        Route("/local/cron/run", run_cron, methods=["POST"]),
        Route("/local/cron", firings, methods=["GET"]),
        Route("/local/queues", queues, methods=["GET"]),
        Route("/local/state", state, methods=["GET"]),
    ]
