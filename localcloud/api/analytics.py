"""The GraphQL Analytics API, as far as the figures of Workers go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from localcloud.analytics import engine_sql
from localcloud.analytics.d1_queries import BY_HOUR, QUERIES, QueryCounts
from localcloud.analytics.query_document import Field, QueryError, parse_query
from localcloud.analytics.worker_invocations import NAME, worker_invocations
from localcloud.api.envelope import body_model
from localcloud.api.resources import Account
from localcloud.endpoints import ACCOUNT_ID

_MALFORMED = 10026


class _Query(BaseModel):
    query: str
    variables: dict[str, Any] = {}


class Analytics:
    """POST /graphql: `viewer { accounts { workersInvocationsAdaptive } }`, and the data sets of D1.

    The counts are the host's: requests that came through the edge in the last day, in real time
    whatever the virtual clock says, since the host last started.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Sequence[Route]:
        """The one route, below the root of the API."""
        return [Route("/graphql", self._answer, methods=["POST"])]

    async def _answer(self, request: Request) -> Response:
        asked = await body_model(request, _Query, code=_MALFORMED)
        try:
            document = parse_query(asked.query, asked.variables)
            minutes = await (await self._account.runtime.client()).invocations()
            data = {"viewer": {"accounts": _accounts(document, minutes, self._account.queries)}}
        except QueryError as error:
            # GraphQL tells of errors in an answer of status 200.
            errors = [{"message": str(error), "path": None, "extensions": {"code": "parser"}}]
            return JSONResponse({"data": None, "errors": errors})
        return JSONResponse({"data": data, "errors": None})


def sql_routes(account: Account) -> Sequence[Route]:
    """POST /analytics_engine/sql: SQL over the points that Workers have written.

    The query is the body. The answer is ClickHouse's document without an envelope; a refusal is
    text, as Cloudflare's is.
    """

    async def query(request: Request) -> Response:
        text = (await request.body()).decode("utf-8", "replace")
        points = await (await account.runtime.client()).analytics_points()
        try:
            return JSONResponse(engine_sql.answer(text, points))
        except engine_sql.SqlError as error:
            return PlainTextResponse(str(error), status_code=422)

    return [Route("/analytics_engine/sql", query, methods=["POST"])]


def _accounts(
    document: Field, minutes: Sequence[dict[str, Any]], queries: QueryCounts
) -> list[dict[str, Any]]:
    viewer = document.child("viewer")
    accounts = viewer.child("accounts") if viewer else None
    if accounts is None:
        raise QueryError("only viewer { accounts } can be asked for")
    chosen = accounts.arguments.get("filter")
    wanted = chosen.get("accountTag") if isinstance(chosen, dict) else None
    if wanted != ACCOUNT_ID:
        raise QueryError(f"no access to the account {wanted}")
    found = {}
    for dataset in accounts.below:
        if dataset.name == NAME:
            found[dataset.name] = worker_invocations(dataset, minutes)
        elif dataset.name in {QUERIES, BY_HOUR}:
            found[dataset.name] = queries.groups(dataset)
        else:
            raise QueryError(f'unknown field "{dataset.name}"')
    return [found]
