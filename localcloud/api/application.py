"""The HTTP application of the control plane: routes, authentication, and errors in the envelope."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from pkgutil import iter_modules

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud import api
from localcloud.api import accounts, d1_transfer
from localcloud.api.analytics import Analytics, sql_routes
from localcloud.api.authentication import require_account, unroutable
from localcloud.api.envelope import ApiError, failure
from localcloud.api.resources import Account, Family
from localcloud.api.token_gate import PREFIX, TokenGate
from localcloud.api.tokens import Tokens
from localcloud.api.worker_routes import WorkerRoutes
from localcloud.api.zones import Zones
from localcloud.errors import LocalCloudError, RuntimeDown, is_disk_full
from localcloud.host_client import HostError


def families() -> tuple[Family, ...]:
    """Return the routes of every module of this package that has a function ``routes``."""
    modules = (import_module(f"{api.__name__}.{one.name}") for one in iter_modules(api.__path__))
    return tuple(module.routes for module in modules if hasattr(module, "routes"))


_INTERNAL = 10002  # Cloudflare's "internal server error" of the Workers API

log = logging.getLogger("localcloud.api")

Endpoint = Callable[[Request], Awaitable[Response]]


def application(account: Account, token: str, local_routes: Sequence[BaseRoute]) -> ASGIApp:
    """The API below /client/v4 and the routes of the local cloud itself."""
    gate = TokenGate(account.database, account.clock, token)
    below = [
        *(routes(account) for routes in families()),
        sql_routes(account),
        Tokens(account).routes(gate),
    ]
    below_account = [
        Route(route.path, _of_account(route.endpoint), methods=list(route.methods or ()))
        for family in below
        for route in family
    ]
    app = Starlette(
        routes=[
            *local_routes,
            *d1_transfer.link_routes(account),
            Mount(
                PREFIX,
                routes=[
                    *accounts.root_routes(account),
                    *Analytics(account).routes(),
                    *Zones(account).routes(),
                    *WorkerRoutes(account).routes(),
                    Mount("/accounts/{account_id}", routes=below_account),
                ],
            ),
        ],
        exception_handlers={
            ApiError: _api_error,
            HTTPException: _http_error,
            HostError: _host_error,
            LocalCloudError: _runtime_down,
            sqlite3.Error: _storage_error,
            OSError: _storage_error,
            Exception: _unexpected,
        },
    )
    app.router.redirect_slashes = False
    return _Guarded(app, gate)


class _Guarded:
    """Asks for the token before the router looks at the path."""

    def __init__(self, app: Starlette, gate: TokenGate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            try:
                scope.setdefault("state", {})["caller"] = self._gate.admit(Request(scope))
            except ApiError as error:
                await failure(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _of_account(endpoint: Endpoint) -> Endpoint:
    async def checked(request: Request) -> Response:
        require_account(request)
        return await endpoint(request)

    return checked


async def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101  narrowing: Starlette calls by type
    return failure(error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  narrowing: Starlette calls by type
    if error.status_code == 404:
        return failure(unroutable(request))
    if error.status_code == 405:
        text = f"{request.method} method not allowed for this path"
        return failure(ApiError(405, 10405, text))
    return failure(ApiError(error.status_code, 10026, str(error.detail)))


async def _host_error(_: Request, error: Exception) -> Response:
    log.error("the runtime refused: %s", error)
    return failure(ApiError(502, _INTERNAL, f"The local runtime could not do it: {error}"))


async def _runtime_down(_: Request, error: Exception) -> Response:
    status = 503 if isinstance(error, RuntimeDown) else 500
    return failure(ApiError(status, _INTERNAL, str(error)))


async def _storage_error(_: Request, error: Exception) -> Response:
    if is_disk_full(error):
        text = "The disk that holds the local cloud's state is full: free some space and try again."
        return failure(ApiError(507, _INTERNAL, text))
    log.error("storage failed", exc_info=error)
    text = "The local cloud's storage failed: see control-plane.log in its log folder."
    return failure(ApiError(500, _INTERNAL, text))


async def _unexpected(_: Request, error: Exception) -> Response:
    log.error("a request failed", exc_info=error)
    text = "The local cloud failed at this request: see control-plane.log in its log folder."
    return failure(ApiError(500, _INTERNAL, text))
