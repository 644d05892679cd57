"""`GET /health`: whether the service can do its work."""

from typing import Any

from notification.errors import ServiceError
from notification.http.response import Response, bare
from notification.http.router import Access, Call, Route
from notification.ports.database import DatabaseError, Statement
from notification.ports.platform import Platform
from notification.storage.last_hour import RefusedWrites, answers_lately, are_bad, sentence
from notification.timestamps import from_iso, iso

CRON_SILENT_MS = 3 * 300_000
"""Three missed firings."""
_SIGN_OF_LIFE = Statement("SELECT last_run_at FROM scheduled_tasks WHERE task_name = 'cron'")

_OF_USERS = Statement("SELECT 1 FROM user_configs LIMIT 1")


async def _database(platform: Platform) -> tuple[str, int | None]:
    """Return the database's state, and when the cron last fired as far as it knows."""
    try:
        [sign] = await platform.database.batch([_SIGN_OF_LIFE])
        if platform.is_sharded:
            await platform.everywhere.batch([_OF_USERS])
    except ServiceError:
        return "not_bound", None
    except DatabaseError as error:
        # A new version is checked before its migrations: a database without tables answers, too.
        return ("connected" if "no such table" in str(error) else "disconnected"), None
    last = None if sign.row is None else sign.row["last_run_at"]
    return "connected", None if last is None else from_iso(last)


def _cron_is_silent(platform: Platform, fired_ms: int | None) -> bool:
    """Return whether the cron has stopped.

    A stack where it never fired may have none. A new version gets the full time to fire: the
    version before it may have been the one that was silent.
    """
    since = fired_ms
    if since is not None and platform.version.timestamp:
        since = max(since, from_iso(platform.version.timestamp))
    return since is not None and platform.clock.now_ms() - since > CRON_SILENT_MS


async def _cache(platform: Platform) -> tuple[str, str | None]:
    """Return the cache's state, and what other isolates have told of refused writes."""
    try:
        told = await platform.cache.get(RefusedWrites.KEY)
    except ServiceError:
        return "not_bound", None
    except Exception:
        return "disconnected", None
    return "connected", told


def _queues(platform: Platform) -> str:
    both = {"RETRY_QUEUE", "FAILED_QUEUE"} <= platform.bound
    return "connected" if both else "not_bound"


def _errors(
    platform: Platform, database: str, cache: str, fired_ms: int | None
) -> list[dict[str, str]]:
    errors = []
    if database == "not_bound":
        errors.append({"code": "D1_NOT_BOUND", "message": "D1 database not bound"})
    if cache == "not_bound":
        errors.append({"code": "KV_NOT_BOUND", "message": "KV namespace not bound"})
    if fired_ms is not None and _cron_is_silent(platform, fired_ms):
        text = f"The cron has not fired since {iso(fired_ms)}; it should every 5 minutes"
        errors.append({"code": "CRON_STOPPED", "message": text})
    weakness = platform.settings.secret_weakness()
    if weakness is not None:
        errors.append({"code": "WEAK_SECRET", "message": weakness})
    return errors


def _refused_writes(platform: Platform, told: str | None) -> list[dict[str, str]]:
    """Tell of writes that the database refused in the last hour, the cron's own among them."""
    own = platform.memory.of(RefusedWrites)
    refused = own.with_told(told, platform.clock.now_ms(), platform.version.short)
    if not refused.failed:
        return []
    writes = f"{refused.failed} write{'s' if refused.failed > 1 else ''}"
    text = f"The database refused {writes} in the last hour, the last at {iso(refused.last_ms)}"
    return [{"code": "WRITES_REFUSED", "message": text}]


async def _misplaced(platform: Platform) -> list[dict[str, str]]:
    """Tell of a record by which no user's database can be found."""
    if not platform.is_sharded:
        return []
    # Imported where there are several databases.
    from notification.storage.shards import current_placement

    try:
        await current_placement(platform)
    except ServiceError as error:
        return [{"code": error.code, "message": error.text}]
    except DatabaseError:
        # A database without tables, as above.
        pass
    return []


async def _failed_answers(platform: Platform) -> list[dict[str, str]]:
    """Tell that callers were failed more often than may be, in the last hour.

    The status stays: a version that verifies again at once isn't refused for what is over.
    """
    answers = await answers_lately(platform)
    if not are_bad(answers):
        return []
    return [{"code": "REQUESTS_FAILED", "message": sentence(answers)}]


async def show_health(call: Call) -> Response:
    """Report whether everything is connected: 200 if so, else 503. Reads only.

    A database that answers and has refused to write in the last hour makes the service degraded,
    which is 200 with the reason in `errors`.
    """
    platform = call.platform
    database, fired_ms = await _database(platform)
    cache, told = await _cache(platform)
    queues = _queues(platform)
    misplaced = await _misplaced(platform) if database == "connected" else []
    errors = _errors(platform, database, cache, fired_ms) + misplaced
    healthy = database == cache == queues == "connected" and not errors
    refused = _refused_writes(platform, told)
    errors += refused
    if cache == "connected":
        errors += await _failed_answers(platform)
    status = "unhealthy" if not healthy else "degraded" if refused else "healthy"
    payload: dict[str, Any] = {
        "status": status,
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
        if platform.settings.schema_level:
            payload["deployment"]["schema_level"] = platform.settings.schema_level
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
        query=("detailed",),
    ),
)
