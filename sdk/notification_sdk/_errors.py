"""What can go wrong.

    NotificationError
      ├─ TransportError            no answer came
      │    └─ RequestTimeout       no answer came in time
      ├─ InvalidResponse           an answer came that isn't the service's
      ├─ StatusError               the service refused
      │    ├─ ValidationError      400, 413, 415, 422
      │    ├─ AuthenticationError  401
      │    ├─ PermissionDenied     403
      │    ├─ NotFoundError        404
      │    ├─ ConflictError        409
      │    ├─ RateLimitError       429
      │    └─ ServerError          500 to 599
      └─ WebhookVerificationError  a webhook isn't from the service

A request that couldn't be built raises `ValidationError` too, with ``status`` ``None``.
"""

from __future__ import annotations

from typing import Any

import httpx


class UnknownFieldsWarning(UserWarning):
    """A configuration or template has fields that the service doesn't know: they have no effect."""


class NotificationError(Exception):
    """The root of everything that this library raises.

    Attributes:
        message: what happened, in one sentence.
        code: the service's code, or ``TIMEOUT``, ``NETWORK_ERROR``, ``INVALID_RESPONSE``.
        details: more about it, as the service gave it.
        status: the HTTP status, where an answer came.
        request_id: the id to look for in the service's logs, where an answer came.
        retry_after: seconds to wait before the next try, where the service named them.
        request: the HTTP request, where one was made. Its headers hold a signature, never a key.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        details: Any = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        request: httpx.Request | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = details
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after
        self.request = request


class TransportError(NotificationError):
    """No answer came: the name isn't known, the connection was refused or broke."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "NETWORK_ERROR",
        request: httpx.Request | None = None,
        never_arrived: bool = False,
    ) -> None:
        super().__init__(message, code=code, request=request)
        self.never_arrived = never_arrived
        """Whether the request surely didn't reach the service: there was no connection."""


class RequestTimeout(TransportError):
    """No answer came in time."""

    def __init__(
        self, message: str, *, request: httpx.Request | None = None, never_arrived: bool = False
    ) -> None:
        super().__init__(message, code="TIMEOUT", request=request, never_arrived=never_arrived)


class InvalidResponse(NotificationError):
    """The answer isn't one of the service's: wrong URL, or a proxy answered."""


class StatusError(NotificationError):
    """The service refused the request."""


class ValidationError(StatusError):
    """The request is wrong. Sending it again won't help."""


class AuthenticationError(StatusError):
    """The key is wrong, or this machine's clock is more than five minutes off."""


class PermissionDenied(StatusError):
    """The key is right, and the service doesn't allow the call."""


class NotFoundError(StatusError):
    """What the request names doesn't exist."""


class ConflictError(StatusError):
    """Something else is under way with the same key or row."""


class RateLimitError(StatusError):
    """Too many requests; `retry_after` tells when the next one is welcome."""


class ServerError(StatusError):
    """The service failed."""


class WebhookVerificationError(NotificationError):
    """A webhook isn't from the service, is too old, or was changed on its way."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="INVALID_SIGNATURE")


_BY_STATUS: dict[int, type[StatusError]] = {
    400: ValidationError,
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFoundError,
    409: ConflictError,
    413: ValidationError,
    415: ValidationError,
    422: ValidationError,
    429: RateLimitError,
}


def status_error_type(status: int) -> type[StatusError]:
    """Return the class of the error for an HTTP status of 400 or more."""
    if status >= 500:
        return ServerError
    return _BY_STATUS.get(status, StatusError)
