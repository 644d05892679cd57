"""A notification whose lease we hold."""

import json
from typing import Any, NamedTuple

from notification.channels.channel import Message
from notification.identity import moment_of
from notification.ports.database import Row
from notification.timestamps import DAY_MS, from_iso, iso

LIFE_MS = DAY_MS
"""How long a notification may be tried; what is held or planned for later gets this long from then
on."""
INTERRUPTED = "INTERRUPTED"
INTERRUPTED_TEXT = "The attempt was interrupted"
MAX_DEATHS = 2
"""Attempts under which the process may end; after that the notification fails."""
LEASE_MS = 60_000
"""How long an attempt may hold a row; more than twice what an attempt can take."""

TRUNCATED = "truncated"
"""Stored beside the options of a text that a limit of the template engine shortened."""


class Notification(NamedTuple):
    """What an attempt needs of a row of `notification_logs`.

    Attributes:
        options: what the template sets over the recipient's configuration.
        expires_ms: the end of its time; no attempt begins then or later.
        request_id: the id of the request that brought it.
        urgent: whether it goes out in quiet hours, too.
        followed: whether another one goes out if it fails.
    """

    id: int
    channel: str
    message: Message
    options: dict[str, Any]
    retry_count: int
    attempts: list[dict[str, Any]]
    lease_token: str
    expires_ms: int
    error: str | None = None
    request_id: str | None = None
    urgent: bool = False
    followed: bool = False

    @classmethod
    def from_row(cls, row: Row, lease_token: str) -> "Notification":
        """Read the notification in a row that was just claimed with `lease_token`."""
        attempts = json.loads(str(row["attempts"] or "[]"))
        stored = json.loads(str(row["channel_options"] or "{}"))
        options = stored if isinstance(stored, dict) else {}
        truncated = options.pop(TRUNCATED, False) is True
        return cls(
            id=int(row["id"]),
            channel=str(row["channel_type"]),
            message=Message(
                message_id=str(row["message_id"]),
                user_id=str(row["user_id"]),
                content=str(row["content"] or ""),
                subject=None if row["subject"] is None else str(row["subject"]),
                content_type=str(row["content_type"]),
                template_key=None if row["template_key"] is None else str(row["template_key"]),
                truncated=truncated,
            ),
            options=options,
            retry_count=int(row["retry_count"]),
            attempts=attempts if isinstance(attempts, list) else [],
            lease_token=lease_token,
            expires_ms=expiry_ms(int(row["id"]), row["expires_at"]),
            urgent=bool(row["urgent"]),
            followed=bool(row["followed"]),
            error=None if row["error"] is None else str(row["error"]),
            request_id=None if row["request_id"] is None else str(row["request_id"]),
        )

    @property
    def deaths(self) -> int:
        """How many attempts ended their process since it was accepted or redriven."""
        since = iso(self.expires_ms - LIFE_MS)
        return sum(
            entry.get("code") == INTERRUPTED and str(entry.get("at")) >= since
            for entry in self.attempts
        )


def expiry_ms(row_id: int, expires_at: object) -> int:
    """Return the end of a notification's time: 24 hours after acceptance unless the row says so."""
    return moment_of(row_id) + LIFE_MS if expires_at is None else from_iso(expires_at)
