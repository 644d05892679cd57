"""The account itself, its token, and its workers.dev subdomain."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.listing import ListQuery
from localcloud.api.resources import Account
from localcloud.endpoints import ACCOUNT_ID

USER_ID = "00000000000000000000000000000002"
USER_EMAIL = "local@localhost"
MEMBERSHIP_ID = "00000000000000000000000000000003"
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


def _refuse_account_token(request: Request) -> None:
    """A token of the account has no user. Raises ApiError(403, 9109), which wrangler knows."""
    if request.state.caller.row is not None:
        raise ApiError(403, 9109, "Unauthorized to access requested resource")


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
        query = ListQuery(request)
        name = query.text("name")
        query.choice("direction", ("asc", "desc"), "asc")  # one account is in any order
        return query.page([document] if name in {None, document["name"]} else [])

    async def one(request: Request) -> Response:
        if request.path_params["account_id"] != ACCOUNT_ID:
            raise ApiError(403, 9109, "Unauthorized to access requested resource")
        return success(document)

    async def verify(request: Request) -> Response:
        result = {"id": request.state.caller.id, "status": "active"}
        return success(result, messages=[ACTIVE])

    membership = {
        "id": MEMBERSHIP_ID,
        "status": "accepted",
        "account": document,
        "roles": ["Super Administrator - All Privileges"],
        "permissions": {},
    }

    async def user(request: Request) -> Response:
        _refuse_account_token(request)
        return success(
            {
                "id": USER_ID,
                "email": USER_EMAIL,
                "first_name": "Local",
                "last_name": "Operator",
                "telephone": None,
                "country": None,
                "zipcode": None,
                "two_factor_authentication_enabled": False,
                "two_factor_authentication_locked": False,
                "has_pro_zones": False,
                "has_business_zones": False,
                "has_enterprise_zones": False,
                "suspended": False,
                "betas": [],
                "organizations": [],
            }
        )

    async def memberships(request: Request) -> Response:
        _refuse_account_token(request)
        query = ListQuery(request)
        name, account_name = query.text("name"), query.text("account.name")
        status = query.choice("status", ("accepted", "pending", "rejected"), "accepted")
        query.choice("order", ("id", "account.name", "status"), "id")
        query.choice("direction", ("asc", "desc"), "asc")
        fits = status == "accepted" and {name, account_name} <= {None, document["name"]}
        return query.page([membership] if fits else [])

    async def one_membership(request: Request) -> Response:
        _refuse_account_token(request)
        if request.path_params["membership_id"] != MEMBERSHIP_ID:
            raise ApiError(404, 1002, "Membership not found")
        return success(membership)

    return [
        Route("/user", user, methods=["GET"]),
        Route("/memberships", memberships, methods=["GET"]),
        Route("/memberships/{membership_id}", one_membership, methods=["GET"]),
        Route("/user/tokens/verify", verify, methods=["GET"]),
        Route("/accounts", accounts, methods=["GET"]),
        Route("/accounts/{account_id}", one, methods=["GET"]),
    ]
