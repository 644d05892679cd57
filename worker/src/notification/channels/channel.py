"""What every channel does: check a configuration, compose a call, judge the answer."""

from typing import Any, NamedTuple, Protocol

from notification.channels.endpoint import EndpointPolicy
from notification.ports.outbound import OutboundAnswer, OutboundRequest

DEFAULT_TIMEOUT_MS = 10_000
LONGEST_TIMEOUT_MS = 20_000


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


class ChannelRefusal(Exception):
    """A configuration or message with which the channel can't work; repeating won't help."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Channel(Protocol):
    """One way to reach a recipient. Implementations keep no state."""

    name: str

    def check_config(self, config: dict[str, Any], policy: EndpointPolicy) -> None:
        """Refuse what could never be sent; raises `ChannelRefusal` with the text for the caller."""
        ...

    def compose(
        self, message: Message, config: dict[str, Any], *, policy: EndpointPolicy, now_ms: int
    ) -> OutboundRequest:
        """The call that delivers `message`; raises `ChannelRefusal`."""
        ...

    def judge(self, answer: OutboundAnswer, now_ms: int) -> Verdict:
        """Whether the endpoint took it."""
        ...


def timeout_of(config: dict[str, Any]) -> int:
    """The configured timeout in milliseconds, within what one attempt may take."""
    value = config.get("timeout")
    if isinstance(value, bool) or not isinstance(value, int):
        return DEFAULT_TIMEOUT_MS
    return min(max(value, 1_000), LONGEST_TIMEOUT_MS)
