"""The rows that a send is about to write."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from notification.channels.channel import HOPS, THROTTLED_CODE, Message
from notification.compact_json import compact_json
from notification.configuration.channel_config import ChannelConfig
from notification.delivery.attempt import NOT_CONFIGURED
from notification.delivery.notification import LEASE_MS, LIFE_MS, TRUNCATED, Notification, expiry_ms
from notification.identity import MessageKey
from notification.ports.database import Row, Value
from notification.sending.channel_text import ChannelText
from notification.sending.command import SendCommand
from notification.timestamps import DAY_MS, iso

_IN_LINE = "The endpoint has asked for fewer calls: it waits in line"


class Wait(NamedTuple):
    """Why and until when a notification isn't attempted at once.

    Attributes:
        until_ms: when it is due.
        held_until: the end of the hold that it waits for, as ISO text.
        send_at: when it was planned for, as ISO text.
    """

    until_ms: int
    held_until: str | None = None
    send_at: str | None = None

    def row(self) -> dict[str, Value]:
        """Return the row's columns."""
        columns: dict[str, Value] = {"status": "retry", "next_retry_at": iso(self.until_ms)}
        if self.held_until is None and self.send_at is None:
            return {**columns, "error": _IN_LINE, "last_error_code": THROTTLED_CODE}
        return {
            **columns,
            "held_until": self.held_until,
            "send_at": self.send_at,
            "expires_at": iso(self.until_ms + LIFE_MS),
        }


_MAX_AFTER_MS = 40 * DAY_MS
"""Longer than a notification can be planned, held and tried: then its fallback is over, too."""


class Draft(NamedTuple):
    """One channel's row: attempted with `config`; without one it waits, or has failed already."""

    key: MessageKey
    channel: str
    config: ChannelConfig | None
    row: dict[str, Value]
    notification: Notification
    deferred: bool = False
    missing: tuple[str, ...] = ()

    @property
    def in_line(self) -> bool:
        """Whether it waits for its endpoint, or for a hold to end."""
        row = self.row
        planned = row.get("send_at") is not None or row.get("after_id") is not None
        return row["status"] == "retry" and not planned

    def placed(self, until_ms: int) -> "Draft":
        """Return it at another place in its line."""
        held_until = self.row.get("held_until")
        wait = Wait(until_ms, None if held_until is None else str(held_until))
        return self._replace(row={**self.row, **wait.row()})


def draft_rows(
    command: SendCommand,
    configs: Mapping[str, ChannelConfig],
    texts: Mapping[str, ChannelText],
    keys: Sequence[MessageKey],
    *,
    now_ms: int,
    lease_token: str,
    request_id: str,
    waits: Mapping[str, Wait],
) -> list[Draft]:
    """Return one draft per channel, in the command's order, already leased to the first attempt."""
    now = iso(now_ms)
    common: dict[str, Value] = {
        "user_id": command.user_id,
        "template_key": command.template_key if command.content is None else None,
        "request_id": request_id,
        "idempotency_key": command.idempotency_key,
        "variables": _json(command.variables),
        "metadata": _json(command.metadata),
        "urgent": 1 if command.urgent else None,
        "created_at": now,
        "updated_at": now,
    }
    drafts: list[Draft] = []
    followed = {before for _, before in command.after}
    for channel, key in zip(command.channels, keys, strict=True):
        config, text = configs.get(channel), texts[channel]
        first = _first(drafts, channel, command)
        if command.hops:
            text = text._replace(options={**text.options, HOPS: command.hops})
        row: dict[str, Value] = {
            "id": key.row_id,
            "message_id": key.message_id,
            "channel_type": channel,
            "subject": text.subject,
            "content": text.content,
            "content_type": text.content_type,
            "channel_options": _json(_stored_options(text)),
            **common,
        }
        if config is None:
            text = text._replace(
                error=f"No active configuration for channel {channel}",
                code=NOT_CONFIGURED,
            )
        if text.error:
            row |= {"status": "failed", "error": text.error, "last_error_code": text.code}
        elif first is not None:
            row |= _after(first, now_ms)
        elif channel in waits:
            row |= waits[channel].row()
        else:
            until = iso(now_ms + LEASE_MS)
            row |= {"status": "pending", "lease_token": lease_token, "lease_until": until}
        notification = _notification(row, text, lease_token, followed=channel in followed)
        waiting = channel in waits or first is not None
        attempted = None if text.error or waiting else config
        drafts.append(Draft(key, channel, attempted, row, notification, missing=text.missing))
    return drafts


def _first(drafts: Sequence[Draft], channel: str, command: SendCommand) -> Draft | None:
    """Return the draft that has to fail before a fallback goes out; None if it goes out at once."""
    before = dict(command.after)
    known = {draft.channel: draft for draft in drafts}
    while channel in before:
        channel = before[channel]
        if known[channel].row["status"] != "failed":
            return known[channel]
    return None


def _after(first: Draft, now_ms: int) -> dict[str, Value]:
    until = iso(now_ms + _MAX_AFTER_MS)
    return {
        "status": "retry",
        "next_retry_at": until,
        "expires_at": until,
        "after_id": first.key.row_id,
        "error": f"A fallback: it goes out only if {first.channel} fails",
    }


def deferred(draft: Draft) -> Draft:
    """Leave the first attempt to the retry queue's consumer: the row waits without a lease."""
    row = {**draft.row, "lease_token": None, "lease_until": None}
    return draft._replace(row=row, config=None, deferred=True)


def _notification(row: Row, text: ChannelText, lease_token: str, *, followed: bool) -> Notification:
    return Notification(
        id=int(row["id"]),
        channel=str(row["channel_type"]),
        message=Message(
            message_id=str(row["message_id"]),
            user_id=str(row["user_id"]),
            content=str(row["content"] or ""),
            subject=None if row["subject"] is None else str(row["subject"]),
            content_type=str(row["content_type"]),
            template_key=None if row["template_key"] is None else str(row["template_key"]),
            truncated=text.truncated,
        ),
        options=text.options,
        retry_count=0,
        attempts=[],
        lease_token=lease_token,
        expires_ms=expiry_ms(int(row["id"]), row.get("expires_at")),
        followed=followed,
    )


def _stored_options(text: ChannelText) -> dict[str, Any] | None:
    """Return what a retry needs beside the text; None if there is nothing."""
    options = {**text.options, TRUNCATED: True} if text.truncated else text.options
    return options or None


def _json(value: object) -> str | None:
    if value is None:
        return None
    return compact_json(value)
