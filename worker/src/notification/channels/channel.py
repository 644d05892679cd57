"""What every channel does: check a configuration, compose a call, judge the answer."""

from typing import Any, NamedTuple, Protocol

from notification.channels.endpoint import EndpointPolicy
from notification.channels.refusal import ChannelRefusal
from notification.ports.outbound import OutboundAnswer, OutboundRequest

__all__ = ["Channel", "ChannelRefusal", "Message", "Verdict", "timeout_of"]

DEFAULT_TIMEOUT_MS = 10_000
MAX_TIMEOUT_MS = 20_000


class Message(NamedTuple):
    """Rendered text on its way to one recipient over one channel."""

    message_id: str
    user_id: str
    content: str
    subject: str | None
    content_type: str
    template_key: str | None


class Verdict(NamedTuple):
    """What an endpoint's answer means. `error` and `code` are set unless it was accepted."""

    accepted: bool
    retryable: bool = False
    error: str = ""
    code: str = ""
    details: Any = None
    retry_after_s: int = 0


class Channel(Protocol):
    """One way to reach a recipient. Implementations keep no state."""

    name: str

    def check_config(self, config: dict[str, Any], policy: EndpointPolicy) -> None:
        """Refuse what could never be sent; raises `ChannelRefusal` with the text for the caller."""
        ...

    def compose(
        self, message: Message, config: dict[str, Any], *, policy: EndpointPolicy, now_ms: int
    ) -> list[OutboundRequest]:
        """The calls that deliver `message`, usually one; raises `ChannelRefusal`.

        They are made in order, each after the one before was accepted.
        """
        ...

    def judge(self, answer: OutboundAnswer, now_ms: int) -> Verdict:
        """Whether the endpoint took it."""
        ...


def timeout_of(config: dict[str, Any]) -> int:
    """The configured timeout in milliseconds, within what one attempt may take."""
    value = config.get("timeout")
    if isinstance(value, bool) or not isinstance(value, int):
        return DEFAULT_TIMEOUT_MS
    return min(max(value, 1_000), MAX_TIMEOUT_MS)
