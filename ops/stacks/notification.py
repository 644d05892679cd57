"""A notification as a person asks for it on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ops.stacks.errors import UsageError
from ops.stacks.service import ServiceClient


@dataclass(frozen=True)
class Notification:
    """One notification to one user over one or more channels.

    Attributes:
        user: the service's ``user_id``.
        channels: channel names, without repetition.
        message: the text.
        subject: the subject line, where there is one.
        url: endpoint to configure for the user first; for exactly one channel.
        idempotency_key: sending again with the same key sends once.
    """

    user: str
    channels: tuple[str, ...]
    message: str
    subject: str | None = None
    url: str | None = None
    idempotency_key: str | None = None

    def send(self, service: ServiceClient) -> dict[str, Any]:
        """Configure the channel where ``url`` is given, send, and return the service's answer.

        Raises:
            UsageError: ``url`` is given for several channels.
            ServiceError: the service refused, or didn't answer.
        """
        if self.url is not None:
            if len(self.channels) != 1:
                raise UsageError("--url configures one channel: give exactly one --channel.")
            service.result(
                "POST",
                "/api/user-configs",
                body={
                    "user_id": self.user,
                    "channel_type": self.channels[0],
                    "config_data": {"webhook_url": self.url},
                },
            )
        content = {"content": self.message}
        if self.subject is not None:
            content["subject"] = self.subject
        body: dict[str, Any] = {
            "user_id": self.user,
            "channels": list(self.channels),
            "custom_content": content,
        }
        if self.idempotency_key is not None:
            body["idempotency_key"] = self.idempotency_key
        return service.result("POST", "/api/notifications/send", body=body)
