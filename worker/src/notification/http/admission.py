"""Who may call a route: each kind of access, checked before anything of the request is used."""

import base64
import binascii
import hmac

from notification.errors import ServiceError
from notification.http.authentication import authenticate
from notification.http.limits import within_address_limit
from notification.http.request import Request
from notification.http.router import Access
from notification.ports.platform import Platform
from notification.settings import Settings


async def admit(access: Access, request: Request, platform: Platform) -> dict[str, str]:
    """Authenticate the caller and return headers for the answer.

    Public calls and failed authentications count towards the limit of their address; a caller over
    the limit is told so instead of what was wrong.

    Raises:
        ServiceError: the caller is not let in.
    """
    if access is Access.PUBLIC:
        return await within_address_limit(request, platform)
    try:
        _authenticate(access, request, platform)
    except ServiceError as error:
        if error.status == 401:
            await within_address_limit(request, platform)
        raise
    return {}


def _authenticate(access: Access, request: Request, platform: Platform) -> None:
    settings = platform.settings
    if access is Access.GRAFANA:
        check_basic(request.headers.get("authorization", ""), settings)
        return
    if access is Access.SCRAPER and "x-signature" not in request.headers:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            check_metrics_token(token.strip(), settings)
            return
    if access is Access.ADMIN_KEY and "x-api-key" in request.headers:
        check_admin_key(request.headers["x-api-key"], settings)
        return
    authenticate(request, settings, platform.clock.now_ms())


def check_admin_key(key: str, settings: Settings) -> None:
    """Compare with ADMIN_API_KEY, or with the API secret if it is not set.

    Raises:
        ServiceError: UNAUTHORIZED.
    """
    _refuse_weak_secrets(settings)
    if not equal(key, settings.admin_api_key or settings.api_secret_key):
        raise ServiceError("UNAUTHORIZED", "Invalid API key")


def check_metrics_token(token: str, settings: Settings) -> None:
    """Compare a bearer token with METRICS_TOKEN.

    Raises:
        ServiceError: METRICS_UNAUTHORIZED.
    """
    _refuse_weak_secrets(settings)
    if not settings.metrics_token or not equal(token, settings.metrics_token):
        raise ServiceError(
            "METRICS_UNAUTHORIZED",
            "Invalid metrics token",
            headers={"WWW-Authenticate": 'Bearer realm="metrics"'},
        )


def check_basic(header: str, settings: Settings) -> None:
    """Compare an `Authorization` header with Grafana's credentials (RFC 7617, UTF-8).

    Raises:
        ServiceError: UNAUTHORIZED, with the challenge of the realm `Grafana Webhook`.
    """
    _refuse_weak_secrets(settings)
    if not header:
        raise _basic_refusal("Missing Authorization header")
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        raise _basic_refusal("Invalid authorization type, expected Basic")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise _basic_refusal("Invalid base64 encoding in Authorization header") from None
    try:
        user, colon, password = decoded.decode().partition(":")
    except UnicodeDecodeError:
        raise _basic_refusal("Invalid credentials format") from None
    if not colon:
        raise _basic_refusal("Invalid credentials format")
    if not settings.grafana_username or not settings.grafana_password:
        raise _basic_refusal("Server authentication not configured")
    # Both are compared, whatever the first result is.
    right_user = equal(user, settings.grafana_username)
    right_password = equal(password, settings.grafana_password)
    if not (right_user and right_password):
        raise _basic_refusal("Invalid username or password")


def equal(presented: str, expected: str) -> bool:
    """Compare two secrets in a time that reveals nothing but their lengths."""
    return hmac.compare_digest(presented.encode(errors="replace"), expected.encode())


def _refuse_weak_secrets(settings: Settings) -> None:
    weakness = settings.secret_weakness()
    if weakness is not None:
        raise ServiceError("WEAK_SECRET", f"The service refuses to work: {weakness}")


def _basic_refusal(text: str) -> ServiceError:
    challenge = {"WWW-Authenticate": 'Basic realm="Grafana Webhook"'}
    return ServiceError("UNAUTHORIZED", text, headers=challenge)
