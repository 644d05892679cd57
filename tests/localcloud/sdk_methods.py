"""The methods of the official `cloudflare` SDK, with the request that each of them makes."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from cloudflare import Cloudflare
from cloudflare._resource import SyncAPIResource

FAMILIES = ("accounts", "d1", "kv", "memberships", "queues", "r2", "user", "workers", "zones")
_OF_THE_CALL = {"extra_headers", "extra_query", "extra_body", "timeout"}
_MAX_DEPTH = 5


@dataclass(frozen=True)
class Method:
    """One method of the SDK.

    Attributes:
        name: Its place in the client, such as `workers.scripts.list`.
        http: The HTTP method of the request.
        path: The path below /client/v4, with the names of the parameters in braces.
        parameters: The names of all parameters.
    """

    name: str
    http: str
    path: str
    parameters: tuple[str, ...]


class _Seen(Exception):
    """Carries the first request of a call out of the SDK."""

    def __init__(self, request: httpx.Request) -> None:
        super().__init__(str(request.url))
        self.request = request


def sdk_methods() -> list[Method]:
    """Return every method of the families that the local cloud has a part of."""
    transport = httpx.MockTransport(_raise)
    client = Cloudflare(
        api_token="x" * 40,
        base_url="http://sdk/client/v4",
        http_client=httpx.Client(transport=transport),
        max_retries=0,
    )
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for family in FAMILIES:
            for name, function in _functions(getattr(client, family), family, 0):
                request = _request(function)
                if request is not None:
                    path = request.url.path.removeprefix("/client/v4")
                    names = tuple(inspect.signature(function).parameters)
                    names = tuple(part for part in names if part not in _OF_THE_CALL)
                    found.append(Method(name, request.method, path, names))
    return found


def _raise(request: httpx.Request) -> httpx.Response:
    raise _Seen(request)


def _functions(resource: Any, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    for part in dir(type(resource)):
        if part.startswith(("_", "with_")):
            continue
        if inspect.isfunction(inspect.getattr_static(type(resource), part)):
            yield f"{name}.{part}", getattr(resource, part)
        elif depth < _MAX_DEPTH:
            below = getattr(resource, part)
            if isinstance(below, SyncAPIResource):
                yield from _functions(below, f"{name}.{part}", depth + 1)


def _request(function: Any) -> httpx.Request | None:
    """The request of a call whose arguments are their own names in braces."""
    positional, named = [], {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in _OF_THE_CALL:
            continue
        given = f"{{{parameter.name}}}"
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            positional.append(given)
        elif parameter.default is parameter.empty or parameter.name in {"account_id", "zone_id"}:
            named[parameter.name] = given
    try:
        function(*positional, **named)
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, _Seen):
            cause = cause.__cause__ or cause.__context__
        return cause.request if cause is not None else None
    return None
