"""Responses as the texts that `js_bridge.js` makes JavaScript's of."""

from notification.cloudflare.js_bridge import JsBridge
from notification.compact_json import compact_json
from notification.http.response import Response

_MAX_KEPT = 64
_OWN = "X-Request-Id"
# Differs from second to second: kept, such answers would soon be all that is.
_FLEETING = "X-RateLimit-Reset"


class ResponseFactory:
    """Nearly all answers carry the same headers but for the request id. Handing them over one by
    one costs several times what the runtime's own copy does."""

    __slots__ = ("_bridge", "_kept")

    def __init__(self, bridge: JsBridge) -> None:
        self._bridge = bridge
        self._kept: dict[tuple[object, ...], int] = {}

    def text(self, response: Response) -> str:
        """The end of a run that `JsBridge` drives."""
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
