"""The outbound HTTP port on the runtime's `fetch`."""

from typing import Any

from notification.cloudflare.border import outbound_functions, to_object
from notification.ports.outbound import (
    OutboundAnswer,
    OutboundFailure,
    OutboundRequest,
    OutboundTimeout,
)
from pyodide.ffi import JsException

MAX_ANSWER_BYTES = 65_536


async def read_bounded(stream: Any, limit: int) -> bytes:
    """At most `limit` + 1 bytes of a JavaScript stream; the rest is cancelled unread."""
    reader = stream.getReader()
    chunks = bytearray()
    while len(chunks) <= limit:
        part = await reader.read()
        if part.done:
            return bytes(chunks)
        chunks += part.value.to_bytes()
    await reader.cancel()
    return bytes(chunks[: limit + 1])


class FetchHttp:
    """Redirects stay unfollowed; one abort signal covers the call and reading its body."""

    __slots__ = ()

    async def send(self, request: OutboundRequest) -> OutboundAnswer:
        """As the port says."""
        options = to_object(
            {
                "method": request.method,
                "headers": request.headers,
                "body": request.body,
                "redirect": "manual",
            }
        )
        fetch, timeout = outbound_functions()
        options.signal = timeout(request.timeout_ms)
        try:
            answer = await fetch(request.url, options)
            status = int(answer.status)
            headers = self._headers(answer.headers, accepted=200 <= status < 300)
            body = await self._body(answer, headers)
        except JsException as error:
            if error.name in ("TimeoutError", "AbortError"):
                raise OutboundTimeout from None
            raise OutboundFailure(str(error.message)[:300]) from None
        return OutboundAnswer(status, headers, body)

    def _headers(self, raw: Any, *, accepted: bool) -> dict[str, str]:
        """The few that somebody reads: each costs a crossing of the language border."""
        names = ("content-length",) if accepted else ("content-length", "retry-after")
        values = ((name, raw.get(name)) for name in names)
        return {name: str(value) for name, value in values if isinstance(value, str)}

    async def _body(self, answer: Any, headers: dict[str, str]) -> str:
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) <= MAX_ANSWER_BYTES:
            return str(await answer.text())
        if not answer.body:
            return ""
        raw = await read_bounded(answer.body, MAX_ANSWER_BYTES)
        return raw[:MAX_ANSWER_BYTES].decode(errors="replace")
