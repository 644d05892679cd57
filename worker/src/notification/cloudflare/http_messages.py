"""Requests and responses as the texts that `js_bridge.js` exchanges with Python."""

from notification.cloudflare.js_bridge import JsBridge, JsCall
from notification.compact_json import compact_json, parse_compact_json
from notification.http.request import Request
from notification.http.response import Response

_MAX_KEPT = 64
_OWN = "X-Request-Id"
# Changes every second: such heads would soon fill the memory and never be used again.
_FLEETING = "X-RateLimit-Reset"


def read_request(described: str, bridge: JsBridge) -> tuple[Request, int | None]:
    """Return the request in `[method, URL, headers, time]`, and the time where one is told.

    A body that isn't there yet stays with JavaScript until it is read.
    """
    head, newline, text = described.partition("\n")
    method, url, headers, now_ms = parse_compact_json(head)
    host, _, rest = url.partition("://")[2].partition("/")

    async def read(limit: int) -> bytes:
        if newline:
            return text.encode()
        body = await JsCall(bridge, f"body {limit}")
        return body.encode() if isinstance(body, str) else bytes(body.to_bytes())

    request = Request(
        method=method,
        host=host,
        target="/" + rest.partition("#")[0],
        headers=headers,
        read=read,
    )
    return request, now_ms


class ResponseFactory:
    """Writes responses, and keeps those heads on JavaScript's side that many of them share.

    Nearly all responses have the same status and headers but for the request id. Passing the
    headers one by one costs several times what the runtime's own copy costs.
    """

    __slots__ = ("_bridge", "_kept")

    def __init__(self, bridge: JsBridge) -> None:
        self._bridge = bridge
        self._kept: dict[tuple[object, ...], int] = {}

    def text(self, response: Response) -> str:
        """Return the text that ends a run of `JsBridge`."""
        headers = dict(response.headers)
        request_id = headers.pop(_OWN, "")
        key = (response.status, *headers.items())
        kept = self._kept.get(key)
        if kept is not None:
            return f"respond {kept}\n{request_id}\n{response.body}"
        head = compact_json((response.status, headers))
        if len(self._kept) < _MAX_KEPT and _FLEETING not in headers:
            self._kept[key] = int(self._bridge.keep(head))
        return f"respond {head}\n{request_id}\n{response.body}"
