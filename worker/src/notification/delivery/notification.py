"""A notification whose lease we hold."""

import json
from typing import Any, NamedTuple

from notification.channels.channel import Message
from notification.ports.database import Row

LEASE_MS = 60_000
"""How long an attempt may hold a row; more than twice what an attempt can take."""


class Notification(NamedTuple):
    """What an attempt needs of a row of `notification_logs`.

    Attributes:
        options: what the template sets over the recipient's configuration.
        request_id: the id of the request that brought it.
    """

    id: int
    channel: str
    message: Message
    options: dict[str, Any]
    retry_count: int
    attempts: list[dict[str, Any]]
    lease_token: str
    error: str | None = None
    request_id: str | None = None

    @classmethod
    def from_row(cls, row: Row, lease_token: str) -> "Notification":
        """Read the notification in a row that was just claimed with `lease_token`."""
        attempts = json.loads(str(row["attempts"] or "[]"))
        options = json.loads(str(row["channel_options"] or "{}"))
        return cls(
            id=int(row["id"] or 0),
            channel=str(row["channel_type"]),
            message=Message(
                message_id=str(row["message_id"]),
                user_id=str(row["user_id"]),
                content=str(row["content"] or ""),
                subject=None if row["subject"] is None else str(row["subject"]),
                content_type=str(row["content_type"]),
                template_key=None if row["template_key"] is None else str(row["template_key"]),
            ),
            options=options if isinstance(options, dict) else {},
            retry_count=int(row["retry_count"] or 0),
            attempts=attempts if isinstance(attempts, list) else [],
            lease_token=lease_token,
            error=None if row["error"] is None else str(row["error"]),
            request_id=None if row["request_id"] is None else str(row["request_id"]),
        )
