"""Who may speak to the API: holders of the one local token."""

from __future__ import annotations

import hmac

from starlette.requests import Request

from localcloud.api.envelope import ApiError
from localcloud.endpoints import ACCOUNT_ID

_VERIFY_SUFFIX = "/tokens/verify"


def require_token(request: Request, token: str) -> None:
    """Check the bearer token in constant time.

    Raises ApiError: 400 with 9106 where no header was sent, else 401 with 10000, or with 1000 on
    the verify endpoints, as Cloudflare does.
    """
    header = request.headers.get("authorization", "")
    if not header:
        raise ApiError(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    scheme, _, given = header.partition(" ")
    right = hmac.compare_digest(given.strip().encode(), token.encode())
    if scheme.lower() == "bearer" and right:
        return
    if request.url.path.endswith(_VERIFY_SUFFIX):
        raise ApiError(401, 1000, "Invalid API Token")
    raise ApiError(401, 10000, "Authentication error")


def require_account(request: Request) -> None:
    """Check the account in the path. Raises ApiError: 404/7003 malformed, 403/10000 not ours."""
    account = request.path_params.get("account_id")
    if account is None or account == ACCOUNT_ID:
        return
    if len(account) != 32 or any(letter not in "0123456789abcdef" for letter in account):
        raise unroutable(request)
    raise ApiError(403, 10000, "Authentication error")


def unroutable(request: Request) -> ApiError:
    """Cloudflare's answer for a path that leads nowhere."""
    message = f"Could not route to {request.url.path}, perhaps your object identifier is invalid?"
    return ApiError(404, 7003, message)
