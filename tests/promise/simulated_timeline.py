"""The timeline's words on the simulation: the domain under CPython, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.promise.isolate import Cut
from tests.promise.simulated_database import Failure
from tests.promise.simulation import Request, Simulation
from tests.timeline import Attempt, Endpoint, Reply, Spell, Timeline

HOSTS = {"webhook": "hooks.example.com", "slack": "hooks.slack.com"}


def address(user: str, channel: str) -> str:
    """Host and path of a user's endpoint."""
    return f"{HOSTS[channel]}/services/{user}"


class SimulatedTimeline(Timeline):
    """All words, and some that a real process can't be told."""

    slack_s = 2.0

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self.simulation = simulation
        self._requests: dict[str, Request] = {}

    def at(self, second: float) -> SimulatedTimeline:
        """As `Timeline.at`; the start-up's few milliseconds count as none."""
        left = second - self.simulation.now
        assert left > -1, f"{second} s is in the past"
        self.simulation.pass_time(max(left, 0))
        return self

    def configure(self, user: str, channel: str = "webhook") -> None:
        """As `Timeline.configure`."""
        url = f"https://{address(user, channel)}"
        body = {"user_id": user, "channel_type": channel, "config_data": {"webhook_url": url}}
        assert self.simulation.request("POST", "/api/user-configs", body).status in (200, 201)

    def endpoint(self, user: str, channel: str = "webhook") -> Endpoint:
        """As `Timeline.endpoint`."""

        def plan(spell: Spell) -> None:
            self.simulation.endpoints.plan(address(user, channel), spell)

        return Endpoint(plan)

    def begin(
        self,
        name: str,
        method: str,
        path: str,
        body: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> None:
        """As `Timeline.begin`."""
        self._requests[name] = self.simulation.begin(method, path, body, headers=headers)

    def reply(self, name: str) -> Reply:
        """As `Timeline.reply`."""
        request = self._requests[name]
        self.simulation.loop.run_until_complete(asyncio.wait([request.task]))
        if request.answer is None:
            return Reply(0, {}, {})
        return Reply(request.answer.status, request.answer.json, request.answer.headers)

    def attempts(self) -> list[Attempt]:
        """As `Timeline.attempts`."""
        channels = {host: channel for channel, host in HOSTS.items()}
        found = []
        for arrival in self.simulation.endpoints.arrivals:
            host, _, path = arrival.endpoint.partition("/")
            user = path.rpartition("/")[2]
            id_ = arrival.request.headers.get("X-Notification-MessageId")
            found.append(
                Attempt(arrival.at, user, channels[host], arrival.mark, arrival.status, id_)
            )
        return found

    def rows(self, user: str) -> list[dict[str, Any]]:
        """As `Timeline.rows`."""
        return [row for row in self.simulation.logs() if row["user_id"] == user]

    def queue_forgets(self) -> SimulatedTimeline:
        """As `Timeline.queue_forgets`."""
        self.simulation.retry_queue.waiting.clear()
        self.simulation.failed_queue.waiting.clear()
        return self

    def kill(self) -> SimulatedTimeline:
        """As `Timeline.kill`."""
        for isolate in self.simulation.isolates:
            isolate.kill()
        return self

    def see(self, check: Callable[[], None]) -> None:
        """As `Timeline.see`: what takes no virtual time is over."""
        self.simulation.pass_time(0.5)
        check()

    # What only a simulation can do.

    def dies_at(self, call: int, *, after: bool) -> SimulatedTimeline:
        """Let the process that is used next end at its `call`-th await of a port."""
        for isolate in self.simulation.isolates:
            isolate.cut = Cut(call, after)
        return self

    def hang_up(self, name: str) -> SimulatedTimeline:
        """Let the caller hang up."""
        self.simulation.hang_up(self._requests[name])
        return self

    def queue_is_down(self, down: bool = True) -> SimulatedTimeline:
        """Let sends to the queues fail from now on."""
        self.simulation.retry_queue.down = self.simulation.failed_queue.down = down
        return self

    def database_fails(
        self, call: int = 1, *, committed: bool = False, repeat: int = 1
    ) -> SimulatedTimeline:
        """Let the `call`-th batch from now fail, and the `repeat` - 1 after it."""
        self.simulation.failures.following = Failure(call, committed, repeat)
        return self

    def logged(self, kind: str) -> int:
        """Return the number of log lines of a type."""
        return len(self.simulation.log_sink.of_type(kind))
