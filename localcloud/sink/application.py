"""The sink's HTTP application: hooks that record, an API that shows, a page to look at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from localcloud.sink.message_log import MessageLog

MAX_DELAY_MS = 60_000
MOST_SHOWN = 1000
_PAGE = Path(__file__).parent / "page"
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class _BadNumber(ValueError):
    pass


def application(messages: MessageLog) -> ASGIApp:
    """ANY /hook/{path}, GET and DELETE /api/messages, and the page at /."""
    sink = _Sink(messages)
    return Starlette(
        routes=[
            Route("/hook/{path:path}", sink.hook, methods=_METHODS),
            Route("/api/messages", sink.listing, methods=["GET"]),
            Route("/api/messages", sink.clear, methods=["DELETE"]),
            Route("/", _file("index.html"), methods=["GET"]),
            *(Route(f"/{name}", _file(name), methods=["GET"]) for name in ("sink.js", "sink.css")),
        ],
        exception_handlers={_BadNumber: _bad_number},
    )


class _Sink:
    def __init__(self, messages: MessageLog) -> None:
        self._messages = messages

    async def hook(self, request: Request) -> Response:
        """Record the request and answer as its query says.

        `status=` is the answer, `delay_ms=` its delay, `retry_after=` (seconds) goes with an error,
        and `fail_first=N` answers with `status` (500 if none is given) for the first N requests of
        that path and with 200 afterwards.
        """
        status = _number(request, "status", 0, low=200, high=599)
        failing = _number(request, "fail_first", 0, high=1_000_000)
        delay_ms = _number(request, "delay_ms", 0, high=MAX_DELAY_MS)
        retry_after = _number(request, "retry_after", -1, high=86_400)

        def chosen(before: int) -> int:
            if failing:
                return (status or 500) if before < failing else 200
            return status or 200

        identifier, answer = await asyncio.to_thread(
            self._messages.add,
            method=request.method,
            path=request.url.path,
            query=request.url.query,
            headers=request.headers.items(),
            body=await request.body(),
            status_for=chosen,
        )
        await asyncio.sleep(delay_ms / 1000)
        headers = {}
        if retry_after >= 0 and answer >= 400:
            headers["Retry-After"] = str(retry_after)
        if answer in {204, 304}:
            return Response(status_code=answer, headers=headers)
        document = {"ok": answer < 400, "id": identifier}
        return JSONResponse(document, status_code=answer, headers=headers)

    async def listing(self, request: Request) -> Response:
        """The newest messages after `after_id`, of one path where `path` is given."""
        path = request.query_params.get("path")
        limit = _number(request, "limit", 100, low=1, high=MOST_SHOWN)
        after = _number(request, "after_id", 0, high=2**62)
        found = self._messages.newest(path=path, after_id=after, limit=limit)
        document = {"messages": found, "total": self._messages.total(path)}
        return JSONResponse(document, headers=_HEADERS)

    async def clear(self, _: Request) -> Response:
        """Forget all messages."""
        self._messages.clear()
        return JSONResponse({"ok": True})


async def _bad_number(_: Request, error: Exception) -> Response:
    return JSONResponse({"ok": False, "error": str(error)}, status_code=400)


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(_: Request) -> Response:
        return FileResponse(_PAGE / name, headers=_HEADERS)

    return serve


def _number(request: Request, name: str, default: int, *, low: int = 0, high: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or not low <= int(text) <= high:
        raise _BadNumber(f"{name} must be a whole number from {low} to {high}.")
    return int(text)
