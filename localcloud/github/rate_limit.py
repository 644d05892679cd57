"""The rate limit of GitHub's API: 5,000 requests in an hour for each token, then 403.

Source: docs.github.com/rest, "Rate limits for the REST API". The test suites ask for another limit
by LIMIT_VARIABLE; nothing else does.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.clock import VirtualClock
from localcloud.github.error import GithubError
from localcloud.rate_limit import Windows, with_headers

REQUESTS = 5000
WINDOW_MS = 3_600_000
LIMIT_VARIABLE = "NOTIFICATION_LOCAL_GITHUB_LIMIT"


class GithubRateLimit:
    """ASGI middleware that counts the requests of each token to GitHub's stand-in."""

    def __init__(self, app: ASGIApp, clock: VirtualClock, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._windows = Windows(clock, WINDOW_MS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        count, ends_ms, _ = self._windows.count(Headers(scope=scope).get("authorization", ""))
        headers = {
            "x-ratelimit-limit": str(self._limit),
            "x-ratelimit-remaining": str(max(self._limit - count, 0)),
            "x-ratelimit-used": str(min(count, self._limit)),
            "x-ratelimit-reset": str(-(-ends_ms // 1000)),
            "x-ratelimit-resource": "core",
        }
        app: ASGIApp = self._app
        if count > self._limit:
            app = GithubError(403, "API rate limit exceeded for user ID 1001.").response()
        await app(scope, receive, with_headers(send, headers))
