"""Sending with one call: to a named channel, or to one user many times.

Made of the async package by ``scripts/make_sync.py``: change that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from notification_sdk._notification import Channels, CustomContent, SendResponse


class Sending(Protocol):
    """What shortcuts send with."""

    def send_notification(
        self,
        user_id: str,
        channels: Iterable[str | Sequence[str]] | None = None,
        *,
        template_key: str | None = None,
        variables: Mapping[str, Any] | None = None,
        custom_content: CustomContent | None = None,
        idempotency_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> SendResponse:
        """Send one notification."""

    def smart_send(
        self,
        user_id: str,
        content: str | None = None,
        *,
        subject: str | None = None,
        channels: Iterable[str] | None = None,
        template: str | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> SendResponse:
        """Send over all active channels of the user."""


class Quick:
    """One line for one notification: ``client.quick``."""

    def __init__(self, client: Sending) -> None:
        self._client = client

    def webhook(
        self, user_id: str, content: str, data: Mapping[str, Any] | None = None
    ) -> SendResponse:
        """Send a text over ``webhook``; ``data`` is stored as metadata."""
        return self._send(user_id, "webhook", content, data)

    def lark(self, user_id: str, content: str) -> SendResponse:
        """Send a text over ``lark``."""
        return self._send(user_id, "lark", content)

    def telegram(self, user_id: str, content: str) -> SendResponse:
        """Send a text over ``telegram``."""
        return self._send(user_id, "telegram", content)

    def slack(self, user_id: str, content: str) -> SendResponse:
        """Send a text over ``slack``."""
        return self._send(user_id, "slack", content)

    def from_template(
        self, user_id: str, template_key: str, variables: Mapping[str, Any] | None = None
    ) -> SendResponse:
        """Send a template over all active channels of the user."""
        return self._client.smart_send(user_id, template=template_key, variables=variables)

    def _send(
        self, user_id: str, channel: str, content: str, data: Mapping[str, Any] | None = None
    ) -> SendResponse:
        return self._client.send_notification(
            user_id, [channel], custom_content={"content": content}, metadata=data
        )


class Session:
    """Sends to one user: ``client.create_session("ada", ["lark"])``."""

    def __init__(self, client: Sending, user_id: str, channels: Channels) -> None:
        self._client = client
        self.user_id = user_id
        self.channels = channels

    def send(self, content: str, subject: str | None = None) -> SendResponse:
        """Send a text over the session's channels."""
        return self._send(self.channels, content, subject)

    def webhook(self, content: str, subject: str | None = None) -> SendResponse:
        """Send a text over ``webhook``."""
        return self._send(("webhook",), content, subject)

    def lark(self, content: str, subject: str | None = None) -> SendResponse:
        """Send a text over ``lark``."""
        return self._send(("lark",), content, subject)

    def from_template(
        self, template_key: str, variables: Mapping[str, Any] | None = None
    ) -> SendResponse:
        """Send a template over the session's channels."""
        return self._client.send_notification(
            self.user_id, self.channels, template_key=template_key, variables=variables
        )

    def _send(self, channels: Channels, content: str, subject: str | None) -> SendResponse:
        custom: CustomContent = {"content": content}
        if subject is not None:
            custom["subject"] = subject
        return self._client.send_notification(self.user_id, channels, custom_content=custom)
