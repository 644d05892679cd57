"""The headers that every response carries: security, CORS, request id."""

from notification.http.request import Request
from notification.http.response import Response
from notification.settings import Settings

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=()",
    "X-XSS-Protection": "1; mode=block",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Content-Type": "application/json",
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": (
        "Content-Type, X-Signature, X-Timestamp, X-Signature-Version, Authorization, X-API-Key, "
        "X-Request-Id, X-Notification-Channels, Idempotency-Key"
    ),
    "Access-Control-Expose-Headers": (
        "X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After"
    ),
    "Access-Control-Max-Age": "86400",
}


def _allowed_origin(request: Request, settings: Settings) -> dict[str, str]:
    if not settings.allowed_origins:
        return {"Access-Control-Allow-Origin": "*"}
    origin = request.headers.get("origin", "")
    if origin in settings.allowed_origins:
        return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    return {"Vary": "Origin"}


def complete(response: Response, request: Request, settings: Settings) -> Response:
    """Add the headers that every response carries; a header that the route has set stays."""
    headers = {**_ALWAYS, **_allowed_origin(request, settings), **response.headers}
    headers["X-Request-Id"] = request.id
    if response.status == 204:
        del headers["Content-Type"]
    response.headers = headers
    if request.method == "HEAD":
        response.body = ""
    return response
