"""`GET /health`: is the service able to do its work?"""

from typing import Any

from notification.errors import ServiceError
from notification.http.response import Response, bare
from notification.http.router import Access, Call, Route
from notification.journal import iso
from notification.ports.database import DatabaseError, Statement
from notification.ports.platform import Platform

_PROBE_KEY = "health_check"


async def _database(platform: Platform) -> str:
    try:
        await platform.database.batch([Statement("SELECT 1")])
    except ServiceError:
        return "not_bound"
    except DatabaseError:
        return "disconnected"
    return "connected"


async def _cache(platform: Platform) -> str:
    try:
        await platform.cache.get(_PROBE_KEY)
    except ServiceError:
        return "not_bound"
    except Exception:
        return "disconnected"
    return "connected"


def _queues(platform: Platform) -> str:
    both = {"RETRY_QUEUE", "FAILED_QUEUE"} <= platform.bound
    return "connected" if both else "not_bound"


def _errors(platform: Platform, database: str, cache: str) -> list[dict[str, str]]:
    errors = []
    if database == "not_bound":
        errors.append({"code": "D1_NOT_BOUND", "message": "D1 database not bound"})
    if cache == "not_bound":
        errors.append({"code": "KV_NOT_BOUND", "message": "KV namespace not bound"})
    weakness = platform.settings.secret_weakness()
    if weakness is not None:
        errors.append({"code": "WEAK_SECRET", "message": weakness})
    return errors


async def show_health(call: Call) -> Response:
    """200 when everything is connected, else 503; reads only."""
    platform = call.platform
    database, cache, queues = await _database(platform), await _cache(platform), _queues(platform)
    errors = _errors(platform, database, cache)
    healthy = database == cache == queues == "connected" and not errors
    payload: dict[str, Any] = {
        "status": "healthy" if healthy else "unhealthy",
        "timestamp": iso(platform.clock.now_ms()),
        "version": platform.settings.service_version,
        "environment": platform.settings.environment,
        "database": database,
        "cache": cache,
        "queues": queues,
        "services": {
            "database": database == "connected",
            "queue": queues == "connected",
            "cache": cache == "connected",
        },
    }
    if platform.version.id:
        payload["deployment"] = {
            "version_id": platform.version.id,
            "tag": platform.version.tag,
        }
    if errors:
        payload["errors"] = errors
    return bare(
        payload,
        status=200 if healthy else 503,
        headers={"Cache-Control": "no-cache, no-store, must-revalidate"},
    )


ROUTES = (
    Route(
        "GET",
        "/health",
        show_health,
        access=Access.PUBLIC,
        during_maintenance=True,
        aliases=("/api/health",),
    ),
)
