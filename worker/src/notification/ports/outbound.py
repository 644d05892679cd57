"""The outbound HTTP port, through which channels reach their endpoints."""

from typing import NamedTuple, Protocol


class OutboundRequest(NamedTuple):
    """One call. `timeout_ms` covers connecting, sending and reading the answer's body; `truncated`
    says that some of the message did not fit in."""

    method: str
    url: str
    headers: dict[str, str]
    body: str
    timeout_ms: int
    truncated: bool = False


class OutboundAnswer(NamedTuple):
    """Status, the headers that matter (`retry-after`, by lower-case name), and the body cut at
    the adapter's limit."""

    status: int
    headers: dict[str, str]
    body: str


class OutboundTimeout(Exception):
    """Nothing complete came back in time; the endpoint may have acted on the request."""


class OutboundFailure(Exception):
    """The endpoint could not be reached, or the connection broke. The message is for people."""


class OutboundHttp(Protocol):
    """Never follows a redirect: a 3xx answer is returned as it is."""

    async def send(self, request: OutboundRequest) -> OutboundAnswer:
        """Raises `OutboundTimeout` or `OutboundFailure`."""
        ...
