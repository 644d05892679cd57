"""Which notifications a command is about, and what their failures mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from shlex import quote
from typing import Any

from notification_sdk import LogEntry, NotFoundError, NotificationClient
from ops.stacks.errors import ServiceError, UsageError
from ops.stacks.service import ServiceClient

_PAGE = 200
_AT_ONCE = 1_000
"""Notifications that one call retries or discards (docs/api.md)."""

ADVICE: Mapping[str, str] = {
    "CHANNEL_NOT_CONFIGURED": "Configure the channel: notifyctl users set USER --channel CHANNEL",
    "INVALID_CONFIG": "Correct the configuration: notifyctl users set USER --channel CHANNEL",
    "MISSING_CHAT_ID": "Add chat_id to the configuration: notifyctl users set USER -c telegram",
    "MISSING_BOT_TOKEN": "Add bot_token to the configuration: notifyctl users set USER -c telegram",
    "MISSING_WEBHOOK_URL": "Add the address: notifyctl users set USER -c CHANNEL --url URL",
    "INVALID_WEBHOOK_URL": "Correct the address: notifyctl users set USER -c CHANNEL --url URL",
    "SSRF_BLOCKED": "The address isn't a public one: notifyctl users set USER -c CHANNEL --url URL",
    "UNSUPPORTED_CHANNEL": "Switch CHANNEL on in the stack's settings: take it out of "
    "disabledChannels, or set its switch to true, such as featureSlackEnabled",
    "INVALID_CONTENT": "The text can't be sent over this channel: correct the template or the call",
    "THROTTLED": "The endpoint asks for a lower rate; nothing to do, it is tried again",
    "TIMEOUT_ERROR": "The endpoint doesn't answer in time: ask who runs it",
    "NETWORK_ERROR": "The endpoint can't be reached: check its address, and ask who runs it",
    "HTTP_ERROR": "The endpoint refuses: its answer says why; check the address and its secrets",
}
"""What to do by the code of a failure; a code that isn't here has the endpoint's own words."""
_PLACES = re.compile("USER|CHANNEL")


@dataclass(frozen=True)
class Selection:
    """Conditions, all of which hold for the notifications that are meant.

    Attributes:
        code: code of the last failure; the service doesn't index it, so that it is looked for among
            those that the other conditions leave.
    """

    user: str | None = None
    channel: str | None = None
    status: str | None = None
    template: str | None = None
    code: str | None = None
    request_id: str | None = None
    message_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def find(self, client: NotificationClient) -> Iterator[LogEntry]:
        """Yield them, newest first.

        A search that the service ends early is gone on with from where it stopped, until there is
        nothing older.
        """
        end, offset, seen = self.until, 0, frozenset[int]()
        while True:
            page = client.logs.query(
                user_id=self.user,
                channel=self.channel,
                status=self.status,
                template_key=self.template,
                request_id=self.request_id,
                message_id=self.message_id,
                start_date=self.since,
                end_date=end,
                limit=_PAGE,
                offset=offset,
            )
            for entry in page.logs:
                if entry.id not in seen and self.code in (None, code_of(entry)):
                    yield entry
            if end is None and page.logs:
                end = page.logs[0].created_at
            seen = frozenset(entry.id for entry in page.logs)
            offset += _PAGE
            if not page.has_more:
                if page.searched_from is None or page.searched_from == end:
                    return
                end, offset = page.searched_from, 0

    def redrive_body(self) -> dict[str, Any]:
        """Return the filter as ``POST /api/notifications/retry`` takes it.

        Raises:
            UsageError: a condition can't be given to a bulk retry.
        """
        if self.request_id is not None or self.status not in (None, "failed"):
            raise UsageError(
                "A retry in bulk is chosen by --user, --channel, --code, --template, --since and "
                "--until; failed notifications alone are retried."
            )
        fields = {
            "user_id": self.user,
            "channel": self.channel,
            "code": self.code,
            "template_key": self.template,
            "since": _iso(self.since),
            "until": _iso(self.until),
        }
        return {name: value for name, value in fields.items() if value is not None}


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def code_of(entry: LogEntry) -> str:
    """Return the code of the last failure, or an empty text."""
    return str(entry.document.get("last_error_code") or "")


def advice(code: str, user: str, channel: str) -> str:
    """Return what to do about a failure; empty where only the endpoint's own words tell.

    Users and channels are other people's words: a shell that gets the command obeys none of them.
    """
    named = {"USER": quote(user), "CHANNEL": quote(channel)}
    return _PLACES.sub(lambda found: named[found[0]], ADVICE.get(code, ""))


def by_id(client: NotificationClient, given: str) -> list[LogEntry]:
    """Return the notifications of an id: a row's number, a message id or a request id.

    Raises:
        UsageError: there is none.
    """
    if given.isdecimal() and len(given) <= 16:
        with suppress(NotFoundError):
            return [client.logs.get(int(given))]
    found = list(Selection(message_id=given).find(client))
    found = found or list(Selection(request_id=given).find(client))
    if not found:
        raise UsageError(
            f"No notification has the id '{given}': give a message id, a request id or the number "
            "of a row, as 'notifyctl logs' prints them."
        )
    return found


def retry_in_bulk(service: ServiceClient, body: dict[str, Any]) -> dict[str, Any]:
    """Retry all that a filter matches, page by page; return the sums and why others were left out.

    Raises:
        ServiceError: the service refused, didn't answer, or goes round in a circle; what was queued
            before that is.
    """
    matched, queued = 0, 0
    skipped: list[Any] = []
    cursor: int | None = None
    while True:
        page = {**body, "limit": _AT_ONCE, **({"cursor": cursor} if cursor else {})}
        with service.understood("POST /api/notifications/retry"):
            found = service.result("POST", "/api/notifications/retry", body=page)["data"]
            # The first answer counts everything; those after it what follows their cursor.
            if cursor is None:
                matched, skipped = int(found.get("matched") or 0), list(found.get("skipped") or [])
            queued += int(found.get("queued") or 0)
            before, cursor = cursor, found.get("next")
        if cursor is None:
            return {"matched": matched, "queued": queued, "skipped": skipped}
        if cursor == before:
            raise ServiceError(
                f"{queued:,} notifications were queued, and the service comes to no end of them. "
                "Run the same command again."
            )


def discard(service: ServiceClient, ids: list[int]) -> int:
    """Acknowledge failed notifications for good, and return how many."""
    done = 0
    for at in range(0, len(ids), _AT_ONCE):
        part = ids[at : at + _AT_ONCE]
        with service.understood("POST /api/queue/discard-failed"):
            found = service.result("POST", "/api/queue/discard-failed", body={"taskIds": part})
            done += int(found["data"].get("updated") or 0)
    return done
