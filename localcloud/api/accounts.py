"""The account itself, its token, and its workers.dev subdomain."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.envelope import ApiError, body_model, page, success
from localcloud.api.resources import Account
from localcloud.endpoints import ACCOUNT_ID

_SUBDOMAIN = "workers_subdomain"
_DEFAULT_SUBDOMAIN = "local"
ACTIVE = {"code": 10000, "message": "This API Token is valid and active", "type": None}


class _Subdomain(BaseModel):
    subdomain: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")


def routes(account: Account) -> Sequence[Route]:
    """GET /workers/subdomain and PUT, below the account."""

    async def get_subdomain(_: Request) -> Response:
        return success({"subdomain": subdomain(account)})

    async def put_subdomain(request: Request) -> Response:
        wanted = await body_model(request, _Subdomain, code=10026)
        account.database.set_setting(_SUBDOMAIN, wanted.subdomain)
        return success({"subdomain": wanted.subdomain})

    return [
        Route("/workers/subdomain", get_subdomain, methods=["GET"]),
        Route("/workers/subdomain", put_subdomain, methods=["PUT"]),
    ]


def subdomain(account: Account) -> str:
    """The account's workers.dev subdomain."""
    return account.database.setting(_SUBDOMAIN) or _DEFAULT_SUBDOMAIN


def root_routes(account: Account) -> Sequence[Route]:
    """/accounts, /accounts/{id} and the user's verify endpoint, below /client/v4."""
    created_on = account.database.setting("created_on") or account.clock.timestamp()
    account.database.set_setting("created_on", created_on)
    document = {
        "id": ACCOUNT_ID,
        "name": "Local account",
        "type": "standard",
        "settings": {"enforce_twofactor": False},
        "created_on": created_on,
    }

    async def accounts(request: Request) -> Response:
        name = request.query_params.get("name")
        return page(request, [document] if name in {None, document["name"]} else [])

    async def one(request: Request) -> Response:
        if request.path_params["account_id"] != ACCOUNT_ID:
            raise ApiError(403, 9109, "Unauthorized to access requested resource")
        return success(document)

    async def verify(request: Request) -> Response:
        result = {"id": request.state.caller.id, "status": "active"}
        return success(result, messages=[ACTIVE])

    return [
        Route("/user/tokens/verify", verify, methods=["GET"]),
        Route("/accounts", accounts, methods=["GET"]),
        Route("/accounts/{account_id}", one, methods=["GET"]),
    ]
