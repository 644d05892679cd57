"""The sink's HTTP application: hooks that record, chat providers, an API and a page that show."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from localcloud.sink.chat import ChatAnswer, ChatApi, ChatCall, chat_apis
from localcloud.sink.chat.api import json_object
from localcloud.sink.message_log import MessageLog

MAX_DELAY_MS = 60_000
MAX_SHOWN = 1000
_MAX_DIGITS = 19
_PAGE = Path(__file__).parent / "page"
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class _BadQuery(ValueError):
    pass


def application(messages: MessageLog, now_ms: Callable[[], int]) -> ASGIApp:
    """Serve ANY /hook/{path}, the chat providers, /api/messages, /api/failures and the page at /.

    Args:
        messages: where requests are kept.
        now_ms: the clock that the providers' limits run on.
    """
    sink = _Sink(messages, now_ms)
    return Starlette(
        routes=[
            Route("/hook/{path:path}", sink.hook, methods=_METHODS),
            Route("/api/messages", sink.listing, methods=["GET"]),
            Route("/api/messages", sink.clear, methods=["DELETE"]),
            Route("/api/failures", sink.fail_next, methods=["POST"]),
            Route("/api/failures", sink.fail_no_more, methods=["DELETE"]),
            Route("/", _file("index.html"), methods=["GET"]),
            *(Route(f"/{name}", _file(name), methods=["GET"]) for name in ("sink.js", "sink.css")),
            Route("/{path:path}", sink.chat, methods=_METHODS),
        ],
        exception_handlers={_BadQuery: _bad_query},
    )


@dataclass
class _PlannedFailure:
    """What the next calls of the paths that begin so are answered."""

    path_prefix: str
    answer: ChatAnswer
    left: int


class _Sink:
    def __init__(self, messages: MessageLog, now_ms: Callable[[], int]) -> None:
        self._messages = messages
        self._now_ms = now_ms
        self._apis = chat_apis()
        self._planned: list[_PlannedFailure] = []

    async def hook(self, request: Request) -> Response:
        """Record the request and answer as its query says.

        `status=` is the answer, `delay_ms=` its delay, `retry_after=` (seconds) goes with an error,
        and `fail_first=N` answers with `status` (500 if none is given) for the first N requests of
        that path and with 200 afterwards. `fail=PROVIDER:CODE` answers with a provider's error.
        """
        if wanted := request.query_params.get("fail"):
            return await self._kept(request, self._failure(wanted))
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

    async def chat(self, request: Request) -> Response:
        """Answer as the provider whose path it is; `fail=PROVIDER:CODE` asks for an error.

        A path that is no provider's is 404, and isn't kept.
        """
        path = request.url.path
        api = next((api for api in self._apis if api.serves(path)), None)
        if api is None or request.method != "POST":
            return JSONResponse({"ok": False, "error": "Not found"}, status_code=404)
        if wanted := request.query_params.get("fail"):
            return await self._kept(request, self._failure(wanted))
        planned = next((one for one in self._planned if path.startswith(one.path_prefix)), None)
        if planned is not None:
            planned.left -= 1
            if planned.left <= 0:
                self._planned.remove(planned)
            return await self._kept(request, planned.answer)
        call = ChatCall(path, await request.body(), self._now_ms(), request.url.query)
        return await self._kept(request, api.receive(call))

    async def fail_next(self, request: Request) -> Response:
        """Plan errors, for providers whose URL a client makes itself.

        The body names `fail` (`PROVIDER:CODE`), `path_prefix` and `count`.
        """
        document = json_object(await request.body()) or {}
        prefix, count = document.get("path_prefix"), document.get("count", 1)
        if not isinstance(prefix, str) or not prefix.startswith("/"):
            raise _BadQuery("path_prefix must be a path, such as /bot123:abc/.")
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 1_000_000:
            raise _BadQuery("count must be a whole number from 1 to 1000000.")
        answer = self._failure(str(document.get("fail", "")))
        self._planned.append(_PlannedFailure(prefix, answer, count))
        return JSONResponse({"ok": True})

    async def fail_no_more(self, _: Request) -> Response:
        """Forget the planned errors."""
        self._planned.clear()
        return JSONResponse({"ok": True})

    def _failure(self, wanted: str) -> ChatAnswer:
        name, _, code = wanted.partition(":")
        api: ChatApi | None = next((api for api in self._apis if api.name == name), None)
        answer = api.failure(code) if api is not None else None
        if answer is None:
            known = ", ".join(api.name for api in self._apis)
            raise _BadQuery(f"fail must be PROVIDER:CODE, of {known} and an error of theirs.")
        return answer

    async def _kept(self, request: Request, answer: ChatAnswer) -> Response:
        await asyncio.to_thread(
            self._messages.add,
            method=request.method,
            path=request.url.path,
            query=request.url.query,
            headers=request.headers.items(),
            body=await request.body(),
            status_for=lambda _: answer.status,
        )
        kind = "application/json" if answer.is_json else "text/html"
        return Response(answer.body, answer.status, dict(answer.headers), media_type=kind)

    async def listing(self, request: Request) -> Response:
        """The newest messages after `after_id`, of one path where `path` is given."""
        path = request.query_params.get("path")
        limit = _number(request, "limit", 100, low=1, high=MAX_SHOWN)
        after = _number(request, "after_id", 0, high=2**62)
        found = self._messages.newest(path=path, after_id=after, limit=limit)
        document = {"messages": found, "total": self._messages.total(path)}
        return JSONResponse(document, headers=_HEADERS)

    async def clear(self, _: Request) -> Response:
        """Forget all messages."""
        self._messages.clear()
        return JSONResponse({"ok": True})


async def _bad_query(_: Request, error: Exception) -> Response:
    return JSONResponse({"ok": False, "error": str(error)}, status_code=400)


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(_: Request) -> Response:
        return FileResponse(_PAGE / name, headers=_HEADERS)

    return serve


def _number(request: Request, name: str, default: int, *, low: int = 0, high: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    is_number = text.isdecimal() and len(text) <= _MAX_DIGITS
    if not is_number or not low <= int(text) <= high:
        raise _BadQuery(f"{name} must be a whole number from {low} to {high}.")
    return int(text)
