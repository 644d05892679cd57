"""The tails that are open, and what goes to them."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from localcloud.clock import VirtualClock
from localcloud.tail.filters import TraceFilters

LIFETIME_MS = 6 * 3600 * 1000
"""Cloudflare says when a tail ends and promises no length; wrangler sees six hours."""

MAX_TAILS = 10
"""Clients that may watch one Worker at a time: Cloudflare's limit for `wrangler tail`."""


class TooManyTails(Exception):
    """As many watch that Worker as may."""


@dataclass
class Tail:
    """One tail of a Worker. Whoever knows `id` may connect: it can't be guessed.

    `opened_ms` is the machine's time, as the `eventTimestamp` of workerd's traces is.
    """

    id: str
    script: str
    expires_ms: int
    filters: TraceFilters
    opened_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
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

    def create(self, script: str, filters: TraceFilters) -> Tail:
        """Open a tail. Raises TooManyTails."""
        if len(self.of_script(script)) >= MAX_TAILS:
            raise TooManyTails
        tail = Tail(secrets.token_hex(16), script, self._clock.now_ms() + LIFETIME_MS, filters)
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

    def scripts(self) -> set[str]:
        """The Workers that somebody watches."""
        now = self._clock.now_ms()
        return {tail.script for tail in self._tails.values() if tail.expires_ms > now}

    def publish(self, line: str) -> None:
        """Send traces, as one event of the host, to the tails of their Worker.

        A trace comes after its invocation's answer. A tail that was opened in between hears
        nothing of it.
        """
        event = json.loads(line)
        tails = [tail for tail in self.of_script(event["script"]) if tail.listeners]
        for trace in event["traces"] if tails else []:
            sent = {
                **trace,
                "scriptName": event["script"],
                "scriptVersion": {"id": event["version"]},
            }
            text = json.dumps(sent, ensure_ascii=False, separators=(",", ":"))
            began_ms = trace.get("eventTimestamp")
            for tail in tails:
                if began_ms is not None and began_ms < tail.opened_ms:
                    continue
                if tail.filters.let_pass(sent):
                    for listener in tail.listeners:
                        listener(text)
