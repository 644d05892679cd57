"""Live tails of a Worker, as `wrangler tail` opens them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.listing import ListQuery
from localcloud.api.resources import Account
from localcloud.api.workers import find_worker
from localcloud.tail.connection import PATH
from localcloud.tail.filters import TraceFilters
from localcloud.tail.tails import Tail, TooManyTails

_TOO_MANY, _UNKNOWN, _MALFORMED = 10057, 10007, 10026


def routes(account: Account) -> Sequence[Route]:
    """/workers/scripts/{script_name}/tails and what is below."""

    def script(request: Request) -> str:
        return str(find_worker(account, request.path_params["script_name"])["name"])

    def shown(request: Request, tail: Tail) -> dict[str, Any]:
        return {
            "id": tail.id,
            "url": f"ws://127.0.0.1:{request.url.port}{PATH}{tail.id}",
            "expires_at": tail.expires_at,
        }

    async def watch() -> None:
        client = await account.runtime.client()
        await client.put_tails(account.tails.scripts())

    async def create(request: Request) -> Response:
        name = script(request)
        filters = TraceFilters()
        if (await request.body()).strip():
            filters = await body_model(request, TraceFilters, code=_MALFORMED)
        try:
            tail = account.tails.create(name, filters)
        except TooManyTails as error:
            raise ApiError(429, _TOO_MANY, f"Too many tails watch {name} already.") from error
        await watch()
        return success(shown(request, tail))

    async def listing(request: Request) -> Response:
        found = [shown(request, tail) for tail in account.tails.of_script(script(request))]
        return ListQuery(request).page(found, per_page=None)

    async def delete(request: Request) -> Response:
        if not account.tails.delete(script(request), request.path_params["id"]):
            raise ApiError(404, _UNKNOWN, "The Worker has no such tail.")
        await watch()
        return success(None)

    path = "/workers/scripts/{script_name}/tails"
    return [
        Route(path, create, methods=["POST"]),
        Route(path, listing, methods=["GET"]),
        Route(path + "/{id}", delete, methods=["DELETE"]),
    ]
