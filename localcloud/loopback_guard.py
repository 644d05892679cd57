"""Only loopback names in the Host header, and no pages of other sites.

So neither a page that rebinds its name nor one that just sends a request gets anything.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MAX_DIGITS = 15
_NAMES = {"127.0.0.1", "localhost", "[::1]"}


class LoopbackGuard:
    """ASGI middleware that answers 403 to any other Host, and 413 to a body that is too large.

    Args:
        app: what answers the rest.
        max_body: the largest body, in bytes.
        streaming: paths that read a body in parts, and have a limit of their own.
    """

    def __init__(
        self, app: ASGIApp, *, max_body: int, streaming: re.Pattern[str] | None = None
    ) -> None:
        self._app = app
        self._max_body = max_body
        self._streaming = streaming

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not is_loopback_name(headers.get("host", "")):
            text = "This server answers only to loopback names such as 127.0.0.1 or localhost.\n"
            await PlainTextResponse(text, status_code=403)(scope, receive, send)
            return
        if is_foreign_page(headers):
            text = "Pages of other sites can't use this server.\n"
            await PlainTextResponse(text, status_code=403)(scope, receive, send)
            return
        if self._streaming is not None and self._streaming.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        length = headers.get("content-length", "0")
        is_number = length.isdecimal() and len(length) <= _MAX_DIGITS
        if not is_number or int(length) > self._max_body:
            text = f"The body has more than {self._max_body} bytes.\n"
            await PlainTextResponse(text, status_code=413)(scope, receive, send)
            return
        await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        """The same stream, ended with 413 where a body without a length grows too large."""
        total = 0

        async def counting() -> Message:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > self._max_body:
                raise HTTPException(413, f"The body has more than {self._max_body} bytes.")
            return message

        return counting


def is_foreign_page(headers: Headers) -> bool:
    """Tell whether a browser sent the request for a page that isn't of this machine.

    `Origin` names the page of every request that can change something, `Sec-Fetch-Site` also that
    of a plain GET (https://www.w3.org/TR/fetch-metadata/). Following a link is no such request.
    """
    origin = headers.get("origin")
    if origin is not None and not is_loopback_name(_host_of(origin)):
        return True
    site, mode = headers.get("sec-fetch-site"), headers.get("sec-fetch-mode")
    return site == "cross-site" and origin is None and mode != "navigate"


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # such as http://[ is nobody's page
        return ""


def is_loopback_name(host: str) -> bool:
    """Tell whether a Host header, with or without a port, names this machine's loopback."""
    name = host.rsplit(":", 1)[0] if host.rsplit(":", 1)[-1].isdecimal() else host
    name = name.lower().rstrip(".")
    return name in _NAMES or name.endswith(".localhost")
