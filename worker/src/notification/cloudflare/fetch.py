"""The outbound HTTP port on the runtime's `fetch`."""

from notification.cloudflare.js_bridge import JsBridge, JsCall
from notification.compact_json import compact_json, parse_compact_json
from notification.ports.outbound import (
    OutboundAnswer,
    OutboundFailure,
    OutboundRequest,
    OutboundTimeout,
)

MAX_ANSWER_BYTES = 65_536


class FetchHttp:
    """Calls endpoints. Redirects are not followed; one timeout covers the call and its body."""

    __slots__ = ("_bridge",)

    def __init__(self, bridge: JsBridge) -> None:
        self._bridge = bridge

    async def send(self, request: OutboundRequest) -> OutboundAnswer:
        """Make one call.

        Raises:
            OutboundTimeout: no status came in time.
            OutboundFailure: the endpoint could not be reached.
        """
        text = compact_json(
            (
                request.method,
                request.url,
                request.headers,
                request.body,
                request.timeout_ms,
                MAX_ANSWER_BYTES,
            )
        )
        answer = parse_compact_json(await JsCall(self._bridge, f"call {text}"))
        if isinstance(answer, dict):
            if answer["name"] in ("TimeoutError", "AbortError"):
                raise OutboundTimeout
            raise OutboundFailure(answer["message"][:300])
        return OutboundAnswer(*answer)
