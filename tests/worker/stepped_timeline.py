"""The timeline's words on one world: every request is answered before the clock moves on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from notification.app.platform import IsolateMemory
from notification.ports.outbound import OutboundAnswer, OutboundRequest
from tests.timeline import MARK, Attempt, Endpoint, Reply, Spell, Timeline
from tests.worker.endpoints import answer
from tests.worker.surroundings import START_MS
from tests.worker.world import World

CRON_MS = 300_000
STEP_MS = 1_000
HOST = "https://hooks.example.com/"


class SteppedTimeline(Timeline):
    """Drives one world, a second at a time.

    Attributes:
        queues_deliver: whether the queues deliver what is due.
    """

    slack_s = 2.0

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.queues_deliver = True
        self._replies: dict[str, Reply] = {}
        self._spells: list[tuple[str, Spell]] = []

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return (self.world.clock.ms - START_MS) / 1000

    def at(self, second: float) -> SteppedTimeline:
        """As `Timeline.at`."""
        until = START_MS + round(second * 1000)
        assert until >= self.world.clock.ms, f"{second} s is in the past"
        while True:
            if self.queues_deliver:
                self.world.deliver_queues()
            before = self.world.clock.ms
            if before >= until:
                return self
            self.world.clock.ms = before + min(STEP_MS, until - before)
            if before // CRON_MS != self.world.clock.ms // CRON_MS:
                self.world.cron()

    def configure(self, user: str, channel: str = "webhook") -> None:
        """As `Timeline.configure`."""
        self.world.configure(user, channel, webhook_url=HOST + user)

    def endpoint(self, user: str, channel: str = "webhook") -> Endpoint:
        """As `Timeline.endpoint`; a spell begins now at the earliest."""
        self.world.endpoints.behave = self._behave
        return Endpoint(lambda spell: self._spells.append((user, spell)))

    def _behave(self, request: OutboundRequest) -> OutboundAnswer:
        spell = self._spell(_user(request), self.now)
        headers = {} if spell.retry_after is None else {"retry_after": spell.retry_after}
        return answer(spell.status, "said so", **headers)

    def _spell(self, user: str, now: float) -> Spell:
        for name, spell in reversed(self._spells):
            if name == user and spell.start <= now < spell.end:
                return spell
        return Spell(0, float("inf"))

    def begin(
        self,
        name: str,
        method: str,
        path: str,
        body: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> None:
        """As `Timeline.begin`; the answer is there at once."""
        got = self.world.request(method, path, body, headers=headers)
        self._replies[name] = Reply(got.status, got.json, got.headers)

    def reply(self, name: str) -> Reply:
        """As `Timeline.reply`."""
        return self._replies[name]

    def attempts(self) -> list[Attempt]:
        """As `Timeline.attempts`."""
        found = []
        for ms, request in self.world.endpoints.received:
            at, user = (ms - START_MS) / 1000, _user(request)
            mark = MARK.search(request.body)
            found.append(
                Attempt(
                    at=at,
                    user=user,
                    channel="webhook",
                    mark=int(mark[1]) if mark else -1,
                    status=self._spell(user, at).status,
                    message_id=request.headers.get("X-Notification-MessageId"),
                )
            )
        return found

    def rows(self, user: str) -> list[dict[str, Any]]:
        """As `Timeline.rows`."""
        return [row for row in self.world.logs() if row["user_id"] == user]

    def queue_forgets(self) -> SteppedTimeline:
        """As `Timeline.queue_forgets`."""
        self.world.retry_queue.waiting.clear()
        self.world.failed_queue.waiting.clear()
        return self

    def kill(self) -> SteppedTimeline:
        """As `Timeline.kill`."""
        self.world.memory = IsolateMemory()
        return self

    def see(self, check: Callable[[], None]) -> None:
        """As `Timeline.see`: nothing is under way."""
        check()

    def logged(self, kind: str) -> int:
        """Return the number of log lines of a type."""
        return len(self.world.log_sink.of_type(kind))


def _user(request: OutboundRequest) -> str:
    return urlsplit(request.url).path.rpartition("/")[2]
