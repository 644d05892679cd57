"""The HTTP application under /api/v3, where clients of GitHub Enterprise look for the API."""

from __future__ import annotations

import hmac
import logging
import sqlite3

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.clock import VirtualClock
from localcloud.database import Database
from localcloud.errors import is_disk_full
from localcloud.github import directory
from localcloud.github.actions_secrets import ActionsSecrets
from localcloud.github.actions_variables import ActionsVariables
from localcloud.github.branch_policies import BranchPolicies
from localcloud.github.environments import Environments
from localcloud.github.error import GithubError, not_found
from localcloud.github.issue_comments import IssueComments
from localcloud.github.pull_requests import PullRequests
from localcloud.github.site import Site
from localcloud.rate_limit import Windows, limit_from_environment, with_headers

REQUESTS = 5000
WINDOW_MS = 3_600_000
LIMIT_VARIABLE = "NOTIFICATION_LOCAL_GITHUB_LIMIT"

PREFIX = "/api/v3"
log = logging.getLogger("localcloud.github")


def stand_in_routes(site: Site) -> list[Route]:
    """Return every route, below the prefix."""
    return [
        *directory.routes(),
        *BranchPolicies(site).routes(),
        *ActionsSecrets(site).routes(),
        *ActionsVariables(site).routes(),
        *Environments(site).routes(),
        *IssueComments(site).routes(),
        *PullRequests(site).routes(),
    ]


def github_api(database: Database, clock: VirtualClock, token: str) -> Mount:
    """The API as a mount; holders of `token` alone may call it."""
    app = Starlette(
        routes=stand_in_routes(Site(database, clock)),
        exception_handlers={
            GithubError: _github_error,
            HTTPException: _http_error,
            OverflowError: _no_such_number,
            sqlite3.Error: _storage_error,
            OSError: _storage_error,
        },
    )
    app.router.redirect_slashes = False
    limit = limit_from_environment(LIMIT_VARIABLE, REQUESTS)
    return Mount(PREFIX, app=GithubRateLimit(_Guarded(app, token), clock, limit))


class _Guarded:
    """Asks for the token before the router looks at the path."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        header = Request(scope).headers.get("authorization", "")
        scheme, _, given = header.partition(" ")
        right = hmac.compare_digest(given.strip().encode(), self._token)
        if not header:
            await GithubError(401, "Requires authentication").response()(scope, receive, send)
        elif not right or scheme.lower() not in ("bearer", "token"):
            await GithubError(401, "Bad credentials").response()(scope, receive, send)
        else:
            path = directory.path_by_name(scope["path"])
            await self._app({**scope, "path": path}, receive, send)


async def _github_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, GithubError)  # noqa: S101  narrowing: Starlette calls by type
    return error.response()


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  narrowing: Starlette calls by type
    if error.status_code in (404, 405):  # GitHub knows no 405: a verb without a route isn't there
        return not_found().response()
    return GithubError(error.status_code, str(error.detail)).response()


async def _no_such_number(_: Request, error: Exception) -> Response:
    """Answer a number in a path that no id reaches: SQLite's integers have 64 bits."""
    return not_found().response()


async def _storage_error(_: Request, error: Exception) -> Response:
    if is_disk_full(error):
        text = "The disk that holds the local cloud's state is full: free some space and try again."
        return GithubError(507, text).response()
    log.error("storage failed", exc_info=error)
    return GithubError(500, "The local cloud's storage failed: see control-plane.log.").response()


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
