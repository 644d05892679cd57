"""One notification: what goes to the service, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NotRequired, Self, TypedDict

from notification_sdk._call import shown
from notification_sdk._errors import ValidationError
from notification_sdk._reading import Fields

_WAITS = ("send_at", "held_until", "throttled_until")


Channels = tuple[str | tuple[str, ...], ...]
"""Channel names, and orders of fallbacks among them."""


def as_channels(channels: Iterable[str | Sequence[str]] | None) -> Channels:
    """Return channels as a request holds them. A text is one channel, not a list of letters.

    Raises:
        ValidationError: it isn't a list of names and of lists of names.
    """
    listed = (channels,) if isinstance(channels, str) else channels or ()
    try:
        return tuple(each if isinstance(each, str) else tuple(each) for each in listed)
    except TypeError:
        raise ValidationError(
            f"channels must be names, or lists of names as fallbacks, and is {channels!r}.",
            code="INVALID_CHANNELS",
        ) from None


class CustomContent(TypedDict):
    """A notification's own text, in place of a template."""

    content: str
    subject: NotRequired[str | None]


@dataclass(frozen=True, kw_only=True)
class NotificationRequest:
    """One notification to one user over one or more channels.

    Attributes:
        user_id: the recipient.
        channels: channel names; an empty tuple lets the client choose. ``telegram:oncall`` is the
            endpoint ``oncall`` of that channel. A tuple among them is an order of fallbacks: each
            of its channels is used only if the one before it failed.
        template_key: a stored template; or
        custom_content: the text itself, which wins over a template.
        variables: the template's variables: JSON values.
        idempotency_key: sending again with the same key within 24 hours sends nothing.
        metadata: stored with the notification, at most 4 KB of JSON.
        send_at: when to send, at most 7 days ahead: a time with its zone, or ISO 8601 text.
        urgent: send in the recipient's quiet hours, too.
    """

    user_id: str
    channels: Channels = ()
    template_key: str | None = None
    variables: Mapping[str, Any] | None = None
    custom_content: CustomContent | None = None
    idempotency_key: str | None = None
    metadata: Mapping[str, Any] | None = None
    send_at: datetime | str | None = None
    urgent: bool = False

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the request, without the fields that aren't set.

        Raises:
            ValidationError: ``send_at`` has no zone.
        """
        fields: dict[str, Any] = {
            "user_id": self.user_id,
            "channels": list(self.channels),
            "template_key": self.template_key,
            "variables": self.variables,
            "custom_content": self.custom_content,
            "idempotency_key": self.idempotency_key,
            "metadata": self.metadata,
            "send_at": None if self.send_at is None else shown(self.send_at),
            "urgent": self.urgent or None,
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class SendResult:
    """What became of a notification on one channel.

    ``status`` is ``sent``, ``retry_scheduled`` (the service goes on by itself), ``pending``,
    ``cancelled`` or ``failed`` (with ``error`` and ``code``).

    Attributes:
        waits_until: until when it waits at least, if the service says so: it is scheduled, held,
            or throttled by the endpoint.
        fallback_of: the ``log_id`` of the notification that has to fail first.
        truncated: whether the text was cut to what the channel takes.
    """

    channel: str
    status: str
    message_id: str
    user_id: str
    log_id: int
    error: str | None = None
    code: str | None = None
    details: Any = None
    waits_until: datetime | None = None
    fallback_of: int | None = None
    truncated: bool = False

    @property
    def accepted(self) -> bool:
        """Whether it was delivered or the service goes on trying."""
        return self.status not in ("failed", "cancelled")

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read one of an answer's ``results``."""
        return cls(
            channel=fields.text("channelType"),
            status=fields.text("status"),
            message_id=fields.text("messageId"),
            user_id=fields.text("userId"),
            log_id=fields.whole("logId"),
            error=fields.text_or_none("error"),
            code=fields.text_or_none("code"),
            details=fields.get("details"),
            waits_until=max(
                (time for name in _WAITS if (time := fields.time_or_none(name)) is not None),
                default=None,
            ),
            fallback_of=fields.whole_or_none("fallback_of"),
            truncated=fields.flag("truncated", default=False),
        )


@dataclass(frozen=True, kw_only=True)
class SendResponse:
    """The answer to one send: a result per channel, in the order asked for.

    Attributes:
        replayed: whether this is the answer of an earlier send with the same key.
        idempotency_key: the key that the notification was sent with, given or made.
        warnings: what was sent although it is probably not what was meant, such as a variable
            without a value: each has ``code`` and ``message``, and those of what was sent have
            ``channelType``.
        document: the service's whole answer.
    """

    results: tuple[SendResult, ...]
    request_id: str
    replayed: bool = False
    idempotency_key: str | None = None
    warnings: tuple[Mapping[str, Any], ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def accepted(self) -> bool:
        """Whether at least one channel delivered or goes on trying."""
        return any(result.accepted for result in self.results)

    @property
    def failed(self) -> tuple[SendResult, ...]:
        """The results that failed."""
        return tuple(result for result in self.results if not result.accepted)
