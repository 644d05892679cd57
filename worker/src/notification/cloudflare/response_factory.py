"""Responses as the texts that `border.js` makes JavaScript's of."""

from notification.cloudflare.crossing import Crossing
from notification.compact_json import compact_json
from notification.http.response import Response

_MOST_KEPT = 64
_OWN = "X-Request-Id"
# Differs from second to second: kept, such answers would soon be all that is.
_FLEETING = "X-RateLimit-Reset"


class ResponseFactory:
    """Nearly all answers carry the same headers but for the request id. Handing them over one by
    one costs several times what the runtime's own copy does."""

    __slots__ = ("_crossing", "_kept")

    def __init__(self, crossing: Crossing) -> None:
        self._crossing = crossing
        self._kept: dict[tuple[object, ...], int] = {}

    def text(self, response: Response) -> str:
        """The end of a run that `Crossing` drives."""
        headers = dict(response.headers)
        request_id = headers.pop(_OWN, "")
        key = (response.status, *headers.items())
        kept = self._kept.get(key)
        if kept is not None:
            return f"respond {kept}\n{request_id}\n{response.body}"
        head = compact_json((response.status, headers))
        if len(self._kept) < _MOST_KEPT and _FLEETING not in headers:
            self._kept[key] = int(self._crossing.keep(head))
        return f"respond {head}\n{request_id}\n{response.body}"
