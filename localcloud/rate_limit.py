"""The rate limit of Cloudflare's API: 1,200 requests in five minutes for each token.

Source: developers.cloudflare.com/fundamentals/api/reference/limits. Whoever exceeds it is blocked
for the rest of the window, with 429 and `retry-after`; every answer carries `Ratelimit` and
`Ratelimit-Policy`. The test suites ask for a higher limit by LIMIT_VARIABLE; nothing else does.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localcloud.api.envelope import ApiError, failure
from localcloud.clock import VirtualClock
from localcloud.errors import StartFailed
from localcloud.faults import LIMITED

REQUESTS = 1200
WINDOW_MS = 300_000
LIMIT_VARIABLE = "NOTIFICATION_LOCAL_API_LIMIT"
MAX_CALLERS = 1000
MAX_LIMIT = 10**9
_PREFIX = "/client/v4/"


def limit_from_environment(variable: str = LIMIT_VARIABLE, default: int = REQUESTS) -> int:
    """Return the requests that a window allows. Raises StartFailed for what isn't a number."""
    text = os.environ.get(variable, "")
    if not text:
        return default
    is_number = text.isdecimal() and len(text) <= len(str(MAX_LIMIT))
    if not is_number or not 1 <= int(text) <= MAX_LIMIT:
        raise StartFailed(f"{variable} is {text[:40]!r}: give a number of requests.")
    return int(text)


class RateLimit:
    """ASGI middleware that counts the requests of each token to Cloudflare's API."""

    def __init__(self, app: ASGIApp, clock: VirtualClock, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._windows = Windows(clock, WINDOW_MS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 429."""
        if scope["type"] != "http" or not scope["path"].startswith(_PREFIX):
            await self._app(scope, receive, send)
            return
        count, ends_ms, now_ms = self._windows.count(Headers(scope=scope).get("authorization", ""))
        left_s = -(-(ends_ms - now_ms) // 1000)
        headers = {
            "Ratelimit": f'"default";r={max(self._limit - count, 0)};t={left_s}',
            "Ratelimit-Policy": f'"default";q={self._limit};w={WINDOW_MS // 1000}',
        }
        sending = with_headers(send, headers)
        if count > self._limit:
            text = "More requests than Cloudflare's API allows: please wait and slow down."
            headers["retry-after"] = str(left_s)
            refusal = failure(ApiError(429, LIMITED, text))
            await refusal(scope, receive, sending)
            return
        await self._app(scope, receive, sending)


class Windows:
    """Requests of each caller since its window began."""

    def __init__(self, clock: VirtualClock, length_ms: int) -> None:
        self._clock = clock
        self._length_ms = length_ms
        self._windows: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def count(self, authorization: str) -> tuple[int, int, int]:
        """Count a request: its number in the window, the end of the window, and the time now."""
        caller = hashlib.sha256(authorization.encode()).hexdigest()
        now_ms = self._clock.now_ms()
        began_ms, count = self._windows.pop(caller, (now_ms, 0))
        if now_ms - began_ms >= self._length_ms:
            began_ms, count = now_ms, 0
        self._windows[caller] = (began_ms, count + 1)
        while len(self._windows) > MAX_CALLERS:
            self._windows.popitem(last=False)
        return count + 1, began_ms + self._length_ms, now_ms


def with_headers(send: Send, headers: dict[str, str]) -> Send:
    """Return a `send` that adds headers to the answer."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return sending
