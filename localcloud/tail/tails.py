"""The tails that are open, and what goes to them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.clock import VirtualClock

_LEVELS = {"warning": "warn"}
LIFETIME_MS = 6 * 3600 * 1000
"""Cloudflare says when a tail ends and promises no length; wrangler sees six hours."""

MOST_TAILS = 10
"""Clients that may watch one Worker at a time: Cloudflare's limit for `wrangler tail`."""


class TooManyTails(Exception):
    """As many watch that Worker as may."""


@dataclass
class Tail:
    """One tail of a Worker. Whoever knows `id` may connect: it can't be guessed."""

    id: str
    script: str
    expires_ms: int
    listeners: set[Callable[[str], None]] = field(default_factory=set)

    @property
    def expires_at(self) -> str:
        """When no more is sent: RFC 3339."""
        moment = datetime.fromtimestamp(self.expires_ms / 1000, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Tails:
    """All tails of the account. They end with the process, as a restart ends the connections."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._tails: dict[str, Tail] = {}

    def create(self, script: str) -> Tail:
        """Open a tail. Raises TooManyTails."""
        if len(self.of_script(script)) >= MOST_TAILS:
            raise TooManyTails
        tail = Tail(secrets.token_hex(16), script, self._clock.now_ms() + LIFETIME_MS)
        self._tails[tail.id] = tail
        return tail

    def of_script(self, script: str) -> list[Tail]:
        """The Worker's tails that haven't expired."""
        now = self._clock.now_ms()
        for tail in [tail for tail in self._tails.values() if tail.expires_ms <= now]:
            # A connection stays open and hears nothing more, as at Cloudflare.
            del self._tails[tail.id]
        return [tail for tail in self._tails.values() if tail.script == script]

    def find(self, identifier: str) -> Tail | None:
        """The tail with that id, unless it has expired or was deleted."""
        tail = self._tails.get(identifier)
        return tail if tail is not None and tail.expires_ms > self._clock.now_ms() else None

    def delete(self, script: str, identifier: str) -> bool:
        """End a tail; False where the Worker has none with that id."""
        tail = self._tails.get(identifier)
        if tail is None or tail.script != script:
            return False
        del self._tails[identifier]
        return True

    def publish(self, line: str) -> None:
        """Send one event of the host to the tails of its Worker."""
        if not self._tails:
            return
        try:
            event = json.loads(line)
        except ValueError:
            return
        if event.get("type") != "log" or event.get("version") is None:
            return
        listeners = [
            listener for tail in self.of_script(event["script"]) for listener in tail.listeners
        ]
        if listeners:
            text = json.dumps(trace_of(event), ensure_ascii=False, separators=(",", ":"))
            for listener in listeners:
                listener(text)


def trace_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The trace of one log line.

    Cloudflare sends all lines of an invocation in one trace when it ends, with the request and the
    outcome. workerd tells the host of lines alone, so that each is a trace of its own here:
    `event` is null, and `outcome` is `ok` whatever came of the invocation.
    """
    level = str(event.get("level", "log"))
    moment = int(datetime.fromisoformat(str(event["timestamp"])).timestamp() * 1000)
    return {
        "outcome": "ok",
        "scriptName": event["script"],
        "scriptVersion": {"id": event["version"]},
        "diagnosticsChannelEvents": [],
        "exceptions": [],
        "logs": [
            {
                "message": [event.get("message", "")],
                "level": _LEVELS.get(level, level),
                "timestamp": moment,
            }
        ],
        "eventTimestamp": moment,
        "event": None,
    }
