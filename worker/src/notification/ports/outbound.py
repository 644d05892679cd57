"""The outbound HTTP port, through which channels reach their endpoints."""

from typing import NamedTuple, Protocol

MAX_HOPS = 5
"""Forwardings of one message; a chain of installations has one or two."""


class OutboundRequest(NamedTuple):
    """One call.

    Attributes:
        timeout_ms: the time for connecting, sending and reading the answer's body.
        truncated: whether the message was shortened to fit.
        plain: the same message without markup, for an endpoint that can't parse this one.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: str
    timeout_ms: int
    truncated: bool
    plain: "OutboundRequest | None" = None


class OutboundAnswer(NamedTuple):
    """The answer to a call.

    Attributes:
        headers: those that matter, by lower-case name: `retry-after` and
            `x-ogw-ratelimit-reset`.
        body: the text, cut at the adapter's limit.
        is_whole: whether the body came to its end, within the limit and as it is encoded. What is
            missing never changes what the status says.
    """

    status: int
    headers: dict[str, str]
    body: str
    is_whole: bool = True


class OutboundTimeout(Exception):
    """No status came in time; the endpoint may have acted on the request."""


class OutboundFailure(Exception):
    """The endpoint could not be reached, or the connection broke. The message is for people."""


class OutboundHttp(Protocol):
    """A client that never follows a redirect: a 3xx answer is returned as it is."""

    async def send(self, request: OutboundRequest) -> OutboundAnswer:
        """Make one call.

        Raises:
            OutboundTimeout: no status came in time.
            OutboundFailure: the endpoint could not be reached.
        """
        ...
