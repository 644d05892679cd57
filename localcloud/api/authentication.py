"""Bearer tokens, the account in the path, and how wrong ones are answered."""

from __future__ import annotations

import hmac

from starlette.requests import Request

from localcloud.api.envelope import ApiError
from localcloud.endpoints import ACCOUNT_ID

VERIFY_SUFFIX = "/tokens/verify"


def bearer_token(request: Request) -> str:
    """The token that the request carries; empty where another scheme is used.

    Raises ApiError: 400 with 9106 where no header was sent.
    """
    header = request.headers.get("authorization", "")
    if not header:
        raise ApiError(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    scheme, _, given = header.partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def is_token(given: str, token: str) -> bool:
    """Compare two tokens in constant time."""
    return hmac.compare_digest(given.encode(), token.encode())


def refused(request: Request) -> ApiError:
    """The answer to a token that isn't valid: 401 with 10000, or 1000 on the verify endpoints."""
    if request.url.path.endswith(VERIFY_SUFFIX):
        return ApiError(401, 1000, "Invalid API Token")
    return ApiError(401, 10000, "Authentication error")


def require_token(request: Request, token: str) -> None:
    """Check that the request carries this very token. Raises ApiError, see `refused`."""
    if not is_token(bearer_token(request), token):
        raise refused(request)


def require_account(request: Request) -> None:
    """Check the account in the path. Raises ApiError: 404/7003 malformed, 403/10000 not ours."""
    account = request.path_params["account_id"]
    if account == ACCOUNT_ID:
        return
    if len(account) != 32 or any(letter not in "0123456789abcdef" for letter in account):
        raise unroutable(request)
    raise ApiError(403, 10000, "Authentication error")


def unroutable(request: Request) -> ApiError:
    """Cloudflare's answer for a path that leads nowhere."""
    message = f"Could not route to {request.url.path}, perhaps your object identifier is invalid?"
    return ApiError(404, 7003, message)
