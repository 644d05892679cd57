"""JavaScript responses, with their headers made once per isolate."""

from typing import Any

import js
from notification.cloudflare.border import to_object
from notification.http.response import Response
from pyodide.ffi import jsnull

_MOST_KEPT = 64
_OWN = "X-Request-Id"


class ResponseFactory:
    """Nearly all answers carry the same headers but for the request id. Handing them over one by
    one costs several times what the runtime's own copy does."""

    __slots__ = ("_kept", "_new")

    def __init__(self) -> None:
        self._new = js.Response.new
        self._kept: dict[Any, tuple[Any, Any]] = {}

    def new(self, response: Response) -> Any:
        """A `Response` that shares nothing with the ones before it."""
        shared = {name: value for name, value in response.headers.items() if name != _OWN}
        options, headers = self._options(response.status, shared)
        headers.set(_OWN, response.headers.get(_OWN, ""))
        # The constructor copies the headers, so the next answer may change them.
        return self._new(response.body or jsnull, options)

    def _options(self, status: int, shared: dict[str, str]) -> tuple[Any, Any]:
        key = (status, *shared.items())
        kept = self._kept.get(key)
        if kept is None:
            headers = js.Headers.new(to_object(shared))
            options = to_object({"status": status})
            options.headers = headers
            kept = (options, headers)
            if len(self._kept) < _MOST_KEPT:
                self._kept[key] = kept
        return kept
