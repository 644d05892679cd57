"""The application: the order of checks, and one answer for every request."""

import re
import traceback
from collections.abc import Sequence

from notification.errors import ServiceError
from notification.http.admission import admit
from notification.http.headers import complete
from notification.http.limits import within_address_limit
from notification.http.request import Request
from notification.http.response import Response, failure
from notification.http.router import Call, Route, RouteModule, Router
from notification.identity import new_request_id
from notification.logging import Log
from notification.metrics.isolate_counters import IsolateCounters
from notification.ports.database import DatabaseError
from notification.ports.platform import DataPoints, Platform
from notification.storage.last_hour import (
    PLANNED,
    FailedAnswers,
    RefusedWrites,
    is_failure,
    share_failures,
)
from notification.storage.metered import usage_of

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
_SHOWN_PATH = 300
"""Characters of a path in a log line; the longest route with its parameters has fewer."""
_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")


class Application:
    """Answers requests. It keeps no state of its own: all of it is in the platform.

    Args:
        routes: what can be called at once.
        modules: further routes, imported when they are first called.
    """

    def __init__(self, routes: Sequence[Route], modules: Sequence[RouteModule] = ()) -> None:
        self._router = Router(routes, modules)

    async def answer(self, request: Request, platform: Platform) -> Response:
        """Return the response with all its headers; refusals and failures become responses, too."""
        started = platform.clock.now_ms()
        request.id = _request_id(request, platform)
        log = Log.of(platform, requestId=request.id)
        try:
            response = await self._checked(request, platform)
        except ServiceError as error:
            response = failure(error, request.id)
        except DatabaseError as error:
            log.write("error", "Database failed", error=str(error))
            refusal = ServiceError("DB_ERROR", "The database did not answer; please try again")
            response = failure(refusal, request.id)
        except Exception as error:
            place = _place(error)
            request.failure = f"{type(error).__name__}{place}"
            text = f"{type(error).__name__}: {str(error)[:300]}{place}"
            log.write("error", "Unexpected failure", error=text)
            response = failure(ServiceError("INTERNAL_ERROR", "Internal server error"), request.id)
        if request.unread is not None:
            response.warn(request.unread.warnings())
        _log_request(log, request, response, platform, started)
        if response.status >= 500:
            platform.keep_alive(share_failures(platform, RefusedWrites, FailedAnswers))
        return complete(response, request, platform.settings)

    async def _checked(self, request: Request, platform: Platform) -> Response:
        settings = platform.settings
        if request.method == "OPTIONS":
            return Response(204, headers=await within_address_limit(request, platform))
        if settings.maintenance and not self._open_during_maintenance(request):
            raise ServiceError(PLANNED, "The service is under maintenance", retry_after=1800)
        try:
            route, parameters = self._router.find(request.method, request.path)
        except ServiceError:
            # Nobody is authenticated for what isn't there, so it counts for the address.
            await within_address_limit(request, platform)
            raise
        request.route = route.path
        if request.method in _WITH_BODY:
            await request.read_body(settings.max_request_size)
        headers = await admit(route.access, request, platform)
        _refuse_unknown(request, route)
        response = await route.handler(Call(platform, request, parameters))
        if headers:
            response.headers = {**headers, **response.headers}
        return response

    def _open_during_maintenance(self, request: Request) -> bool:
        try:
            return self._router.find(request.method, request.path)[0].during_maintenance
        except ServiceError:
            return False


def _refuse_unknown(request: Request, route: Route) -> None:
    """Refuse a query parameter that the route doesn't take: ignored, it would choose every row.

    Raises:
        ServiceError: INVALID_PARAMETER, naming those that the route takes.
    """
    for name in request.query:
        if name not in route.query:
            takes = f"it takes: {', '.join(route.query)}" if route.query else "it takes none"
            raise ServiceError(
                "INVALID_PARAMETER",
                f"Unknown query parameter {name[:100]!r} for {route.method} {route.path}; {takes}",
            )


def _request_id(request: Request, platform: Platform) -> str:
    presented = request.headers.get("x-request-id", "")
    if _REQUEST_ID.fullmatch(presented):
        return presented
    return new_request_id(platform.clock.now_ms(), platform.randomness)


def _place(error: Exception) -> str:
    """Return the innermost line of our own code, without a stack trace; empty where none is."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "notification" in frame.filename
    ]
    if not frames:
        return ""
    file = "notification" + frames[-1].filename.rpartition("notification")[2]
    return f" ({frames[-1].name}, line {frames[-1].lineno} of {file})"


def _log_request(
    log: Log, request: Request, response: Response, platform: Platform, started: int
) -> None:
    duration = platform.clock.now_ms() - started
    platform.memory.of(IsolateCounters).request(response.status, duration)
    platform.memory.of(FailedAnswers).count(started + duration, _failure(request, response))
    if platform.calls is not None:
        _write_point(platform.calls, request, response, platform.version.short, duration)
    level = "error" if response.status >= 500 else "warn" if response.status >= 400 else "info"
    log.write(
        level,
        f"{request.method[:20]} {request.path[:_SHOWN_PATH]} {response.status} {duration}ms",
        type="api_request",
        method=request.method[:20],
        path=request.path[:_SHOWN_PATH],
        statusCode=response.status,
        duration=duration,
        **({"keyId": request.key_id} if request.key_id else {}),
        **({"attempts": request.accepted} if request.accepted else {}),
        **usage_of(platform.database),
    )


def _failure(request: Request, response: Response) -> str:
    """Return what failed the caller; empty where nothing did.

    Everybody reads it on ``/health``, so that the place in the code is left to log and data set.
    """
    if not is_failure(response.status, response.code):
        return ""
    over = f" over {','.join(request.channels)}" if request.channels else ""
    route = f"{request.method} {request.route}" if request.route else "no route"
    return f"{route}{over}: {response.status} {response.code}".strip()


def _write_point(
    calls: DataPoints, request: Request, response: Response, version: str, duration_ms: int
) -> None:
    """Write what a caller was answered, for metrics of health: nothing that the caller wrote.

    The texts are route, method, status, code of the refusal, version, channels, the id of the
    signing key, the request's id, kind and place of an unexpected error, and the channels whose
    first attempt failed, in this order; the numbers are status and milliseconds. `ops` reads them
    by these places (`ops/observe/metrics/caller_metrics.py`).
    """
    calls.write(
        [
            request.route or "none",
            request.method if request.route else "",
            str(response.status),
            response.code,
            version,
            ",".join(request.channels),
            request.key_id,
            request.id,
            request.failure,
            ",".join(request.undelivered),
        ],
        [response.status, duration_ms],
    )
