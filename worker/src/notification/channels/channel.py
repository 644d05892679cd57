"""The interface of a channel: check a configuration, compose a call, judge the answer."""

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from notification.channels.endpoint import EndpointPolicy
from notification.errors import ChannelRefusal
from notification.ports.outbound import OutboundAnswer, OutboundRequest

HOPS = "hops"
"""The option of a notification that tells how many services have forwarded it already."""
MAX_NAME = 32
"""Characters of a channel with its endpoint's name, as the tables hold it."""
ENDPOINT_PATTERN = r"[a-z]+:[a-z0-9][a-z0-9_-]*"
_ENDPOINT = re.compile(ENDPOINT_PATTERN)
DEFAULT_TIMEOUT_MS = 10_000
MIN_TIMEOUT_MS = 1_000
MAX_TIMEOUT_MS = 20_000
_MAX_NAMED_MS = 30_000
"""The longest timeout that a configuration may name; `MAX_TIMEOUT_MS` is what it then gets."""


class Message(NamedTuple):
    """Rendered text on its way to one recipient over one channel."""

    message_id: str
    user_id: str
    content: str
    subject: str | None
    content_type: str
    template_key: str | None
    truncated: bool = False
    """Whether a limit of the template engine cut something off."""


THROTTLED_CODE = "THROTTLED"
"""The code of a notification that waits for a throttled endpoint."""
DELIVERED = "delivered"
REJECTED = "rejected"
"""A repetition would get the same answer: the notification ends."""
BROKEN = "broken"
"""Worth another attempt; each one spends a retry."""
THROTTLED = "throttled"
"""Too many calls: the notification waits and spends no retry, until its time is over."""


class Verdict(NamedTuple):
    """The meaning of an endpoint's answer.

    Attributes:
        outcome: DELIVERED, REJECTED, BROKEN or THROTTLED.
        error: set unless it was delivered, as `code` is.
        details: what a delivered message got for an answer.
        retry_after_s: the wait that the endpoint asked for; 0 if it named none.
        changes: fields of the configuration that the endpoint says are different now.
        unconfirmed: whether the status accepted it but the body, which holds the provider's word,
            didn't come whole. The message most probably arrived, and a repetition would be a
            duplicate.
        unparsed: whether the endpoint refused the message's markup: it may take the same text
            without any.
        gone: whether the endpoint says that it doesn't exist any more.
    """

    outcome: str
    error: str = ""
    code: str = ""
    details: Any = None
    retry_after_s: int = 0
    changes: Mapping[str, Any] | None = None
    unconfirmed: bool = False
    unparsed: bool = False
    gone: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the message was delivered."""
        return self.outcome == DELIVERED

    @property
    def retryable(self) -> bool:
        """Whether another attempt may succeed."""
        return self.outcome in (BROKEN, THROTTLED)


class Pace(NamedTuple):
    """One call every `interval_ms`, after at most `burst` at once."""

    interval_ms: int
    burst: int = 1


DEFAULT_PACE = Pace(200, 5)
"""Of channels that document none, so that an endpoint which has complained isn't flooded."""
MAX_PARTS = 3
"""Messages that one notification becomes if a channel splits long texts."""


class Channel(Protocol):
    """One way to reach a recipient. Implementations keep no state.

    Attributes:
        name: the channel's name, in small letters alone.
        title: the name that people know it by.
        endpoint_fields: the fields of a configuration that say where it leads, the last of them
            being required: configurations that have the same ones share one line and pace.
        fields: the JSON Schema of each field of a configuration that is the channel's own, for the
            OpenAPI document; `sample` has the required ones. The console shows a field's `title`.
        sample: a configuration of defaults alone, from which previews are composed.
        pace: how many calls an endpoint takes, as its provider documents; else `DEFAULT_PACE`.
        part_size: characters that go into one message of a text that is split, whatever they are
            and however long the subject is; 0 if the channel splits none.
        has_plain: whether its calls carry the same text without markup (`OutboundRequest.plain`),
            which is sent if an endpoint refuses the markup.
    """

    name: str
    title: str
    endpoint_fields: tuple[str, ...]
    fields: Mapping[str, Mapping[str, Any]]
    sample: Mapping[str, Any]
    pace: Pace
    part_size: int
    has_plain: bool

    def check_config(self, config: dict[str, Any], policy: EndpointPolicy) -> None:
        """Refuse a configuration that could never be sent to.

        Raises:
            ChannelRefusal: what is wrong with it, for the caller.
        """
        ...

    def compose(
        self, message: Message, config: dict[str, Any], *, policy: EndpointPolicy, now_ms: int
    ) -> list[OutboundRequest]:
        """Return the calls that deliver `message`, usually one.

        They are made in order, each after the one before was accepted.

        Raises:
            ChannelRefusal: the message or configuration can't be sent.
        """
        ...

    def judge(self, answer: OutboundAnswer, now_ms: int) -> Verdict:
        """Judge what became of the message: by the provider's own code, else by the status."""
        ...


def base_channel(name: str) -> str:
    """Return the channel of an endpoint's name.

    >>> base_channel("telegram:oncall")
    'telegram'
    """
    return name.partition(":")[0]


def timeout_of(config: dict[str, Any]) -> int:
    """Return the configured timeout in milliseconds, within what one attempt may take."""
    value = config.get("timeout")
    if isinstance(value, bool) or not isinstance(value, int):
        return DEFAULT_TIMEOUT_MS
    return min(max(value, MIN_TIMEOUT_MS), MAX_TIMEOUT_MS)


def check_timeout(config: Mapping[str, Any]) -> None:
    """Refuse a `timeout` that isn't one.

    Raises:
        ChannelRefusal: it is something else.
    """
    value = config.get("timeout", DEFAULT_TIMEOUT_MS)
    if type(value) is not int or not MIN_TIMEOUT_MS <= value <= _MAX_NAMED_MS:
        raise ChannelRefusal(
            "INVALID_CONFIG", f"timeout must be {MIN_TIMEOUT_MS} to {_MAX_NAMED_MS} milliseconds"
        )


def most_parts(config: Mapping[str, Any]) -> int:
    """Return how many messages a text may become: several if `split_long` is set."""
    return MAX_PARTS if config.get("split_long") is True else 1


def check_switch(config: dict[str, Any], field: str) -> None:
    """Refuse a switch that is neither true nor false.

    Raises:
        ChannelRefusal: it is something else.
    """
    if not isinstance(config.get(field, False), bool):
        raise ChannelRefusal("INVALID_CONFIG", f"{field} must be true or false")


class Channels(Mapping[str, Channel]):
    """Channels by name, each imported when it is first used.

    The names are known without an import, so that an isolate pays only for the channels that it
    sends over.

    Args:
        places: for each name the channel's class, as `module:class`.
    """

    __slots__ = ("_loaded", "_places")

    def __init__(self, **places: str) -> None:
        self._places = places
        self._loaded: dict[str, Channel] = {}

    def __getitem__(self, name: str) -> Channel:
        """Return the channel, also by an endpoint's name; raises `KeyError`."""
        if name not in self:
            raise KeyError(name)
        name = base_channel(name)
        channel = self._loaded.get(name)
        if channel is None:
            module, _, kind = self._places[name].partition(":")
            channel = self._loaded[name] = getattr(import_module(module), kind)()
        return channel

    def __contains__(self, name: object) -> bool:
        """Return whether there is such a channel, or an endpoint of one; imports nothing."""
        if name in self._places:
            return True
        return (
            isinstance(name, str)
            and _ENDPOINT.fullmatch(name) is not None
            and len(name) <= MAX_NAME
            and base_channel(name) in self._places
        )

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names in the order of their declaration."""
        return iter(self._places)

    def __len__(self) -> int:
        """Return the number of channels."""
        return len(self._places)
