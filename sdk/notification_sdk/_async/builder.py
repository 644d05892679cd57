"""A notification put together step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, Self

from notification_sdk._errors import ValidationError
from notification_sdk._notification import (
    Channels,
    CustomContent,
    NotificationRequest,
    SendResponse,
    as_channels,
)


class AsyncSender(Protocol):
    """What a builder sends with."""

    async def send(self, request: NotificationRequest) -> SendResponse:
        """Send one notification."""


class AsyncNotificationBuilder:
    """Puts one notification together and sends it.

    Each step returns the builder; `send` says which step is missing.
    """

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender
        self._clear()

    def _clear(self) -> None:
        self._user_id = ""
        self._channels: Channels = ()
        self._template_key: str | None = None
        self._content: str | None = None
        self._subject: str | None = None
        self._variables: dict[str, Any] = {}
        self._key: str | None = None
        self._metadata: Mapping[str, Any] | None = None
        self._send_at: datetime | str | None = None
        self._urgent = False

    def to(self, user_id: str) -> Self:
        """Name the recipient."""
        self._user_id = user_id
        return self

    def via(self, *channels: str | Sequence[str]) -> Self:
        """Name the channels; a sequence among them is an order of fallbacks."""
        self._channels = as_channels(channels)
        return self

    def use_template(self, key: str, variables: Mapping[str, Any] | None = None) -> Self:
        """Send a stored template."""
        self._template_key = key
        return self.with_(variables or {})

    def content(self, content: str, subject: str | None = None) -> Self:
        """Send a text of one's own. A ``subject`` that was given before stays."""
        self._content = content
        return self if subject is None else self.subject(subject)

    def subject(self, subject: str) -> Self:
        """Give the text a subject line."""
        self._subject = subject
        return self

    def with_(self, variables: Mapping[str, Any]) -> Self:
        """Add variables of the template."""
        self._variables.update(variables)
        return self

    def idempotent(self, key: str) -> Self:
        """Send once, however often it is sent with this key."""
        self._key = key
        return self

    def metadata(self, metadata: Mapping[str, Any]) -> Self:
        """Store something with the notification."""
        self._metadata = metadata
        return self

    def at(self, send_at: datetime | str) -> Self:
        """Send at that time, at most 7 days ahead."""
        self._send_at = send_at
        return self

    def urgent(self) -> Self:
        """Send in the recipient's quiet hours, too."""
        self._urgent = True
        return self

    def build(self) -> NotificationRequest:
        """Return the request.

        Raises:
            ValidationError: a step is missing.
        """
        if not self._user_id:
            raise _missing("INVALID_USER_ID", "recipient", ".to(user_id)")
        if not self._channels:
            raise _missing("INVALID_CHANNELS", "channels", ".via('webhook')")
        if self._content is None and self._template_key is None:
            raise _missing("MISSING_CONTENT", "content", ".content(text) or .use_template(key)")
        custom: CustomContent | None = None
        if self._content is not None:
            custom = {"content": self._content}
            if self._subject is not None:
                custom["subject"] = self._subject
        elif self._subject is not None:
            raise ValidationError(
                "A template brings its own subject: leave out .subject(), or add .content(text).",
                code="INVALID_SUBJECT",
            )
        return NotificationRequest(
            user_id=self._user_id,
            channels=self._channels,
            template_key=self._template_key,
            variables=dict(self._variables) or None,
            custom_content=custom,
            idempotency_key=self._key,
            metadata=self._metadata,
            send_at=self._send_at,
            urgent=self._urgent,
        )

    async def send(self) -> SendResponse:
        """Send the notification.

        Raises:
            ValidationError: a step is missing.
        """
        return await self._sender.send(self.build())

    async def send_and_continue(self) -> Self:
        """Send the notification, and begin another with the same builder."""
        await self.send()
        self._clear()
        return self


def _missing(code: str, what: str, step: str) -> ValidationError:
    return ValidationError(
        f"The notification has no {what}: call {step} before sending.", code=code
    )
