"""One HTTP response, and the service's JSON envelope."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from notification.compact_json import compact_json
from notification.errors import ServiceError


class Response:
    """A response: status, headers and a body of text."""

    __slots__ = ("body", "code", "headers", "status")

    def __init__(
        self, status: int, body: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.body = body
        self.headers = dict(headers or {})
        self.code = ""
        """The code of a refusal."""

    def warn(self, warnings: Sequence[Mapping[str, Any]]) -> None:
        """Add warnings to the body, a JSON object: to those that it has."""
        payload = json.loads(self.body)
        payload["warnings"] = [*payload.get("warnings", ()), *warnings]
        self.body = compact_json(payload)


def bare(
    payload: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON object without the envelope."""
    return Response(status, compact_json(payload), headers)


def success(
    *, status: int = 200, headers: Mapping[str, str] | None = None, **fields: Any
) -> Response:
    """Return `{"success":true, …}` with the given fields.

    >>> success(message="done").body
    '{"success":true,"message":"done"}'
    """
    return bare({"success": True, **fields}, status=status, headers=headers)


def failure(error: ServiceError, request_id: str, **fields: Any) -> Response:
    """Return the error envelope, with `Retry-After` if the error has one.

    `fields` are added to it for the refusals of one route.
    """
    payload: dict[str, Any] = {
        "success": False,
        "error": error.text,
        "code": error.code,
        "request_id": request_id,
        **fields,
    }
    headers = dict(error.headers)
    if error.details is not None:
        payload["details"] = error.details
    if error.retry_after is not None:
        payload["retryAfter"] = error.retry_after
        headers["Retry-After"] = str(error.retry_after)
    response = bare(payload, status=error.status, headers=headers)
    response.code = error.code
    return response
