"""The timeline's words on the real runtime: the deployed bundle on workerd, on a moved clock."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx

from ops.stacks.errors import ServiceError
from tests.eventually import eventually
from tests.promise.endpoint_server import EndpointServer
from tests.promise.real_installation import RealInstallation
from tests.timeline import Attempt, Endpoint, Reply, Spell, Timeline

STEP_S = 5.0
"""How far the clock moves at once while an attempt is under way: a jump would be a stall of it."""
BATCHING_S = 5.0
"""How long a queue gathers messages before it delivers."""
CRON_S = 300.0
_QUIET_S = 0.4
_BUSY_S = 20.0


class WorkerdTimeline(Timeline):
    """Time goes on by itself as well: only what came too early can be told from the clock.

    Users are the timeline's own, so that several can share one installation.
    """

    def __init__(self, real: RealInstallation) -> None:
        super().__init__()
        self.real = real
        self._start = real.now()
        self._prefix = secrets.token_hex(4)
        self.endpoints = EndpointServer(lambda: real.now() - self._start)
        self._pool = ThreadPoolExecutor(8)
        self._replies: dict[str, Future[Reply]] = {}

    def at(self, second: float) -> WorkerdTimeline:
        """As `Timeline.at`."""
        while (left := second - (self.real.now() - self._start)) > 0:
            if self._is_at_work():
                self.real.advance(min(STEP_S, left))
            else:
                self.real.advance(min(self._until_something_happens(), left))
            self._let_the_queues_work()
        return self

    def _until_something_happens(self) -> float:
        """Return the seconds until the next message or cron run; nothing else can happen."""
        now = self.real.now()
        due = [visible + BATCHING_S for visible in self.real.messages_visible()]
        moments = [CRON_S - now % CRON_S, *(moment - now for moment in due)]
        return max(min(moments), 0) + 0.1

    def _let_the_queues_work(self) -> None:
        """Until nothing is at work any more; an endpoint that holds its answer is not waited for.

        The clock must not run away from work that only lacks processor time: its next attempt would
        be counted from a moment before the call that the endpoint saw.
        """
        started = time.monotonic()
        time.sleep(0.1)
        while self._is_at_work() and time.monotonic() < started + self._patience_s():
            time.sleep(0.05)
        if self.real.now() % CRON_S < 1:
            self.real.fire_cron()

    def _is_at_work(self) -> bool:
        answered = all(reply.done() for reply in self._replies.values())
        return not (answered and self.real.queues_are_idle())

    def _patience_s(self) -> float:
        return _QUIET_S if self.endpoints.held else _BUSY_S

    def user(self, user: str) -> str:
        """The name by which the installation knows a user of this timeline."""
        return f"{self._prefix}-{user}"

    def configure(self, user: str, channel: str = "webhook") -> None:
        """As `Timeline.configure`."""
        name = self.user(user)
        body = {
            "user_id": name,
            "channel_type": channel,
            "config_data": {"webhook_url": self.endpoints.url(channel, name)},
        }
        with self.real.service() as service:
            service.result("POST", "/api/user-configs", body=body)

    def endpoint(self, user: str, channel: str = "webhook") -> Endpoint:
        """As `Timeline.endpoint`."""

        def plan(spell: Spell) -> None:
            self.endpoints.plan(channel, self.user(user), spell)

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
        assert headers is None, "this driver signs every request"
        if "user_id" in body:
            body = {**body, "user_id": self.user(body["user_id"])}
        self._replies[name] = self._pool.submit(self._call, method, path, body)

    def _call(self, method: str, path: str, body: dict[str, Any]) -> Reply:
        try:
            with self.real.service() as service:
                answer = service.call(method, path, body=body)
        except (ServiceError, httpx.HTTPError):
            return Reply(0, {}, {})
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return Reply(answer.status_code, answer.json() if is_json else {}, dict(answer.headers))

    def reply(self, name: str) -> Reply:
        """As `Timeline.reply`."""
        return self._replies[name].result(60)

    def attempts(self) -> list[Attempt]:
        """As `Timeline.attempts`."""
        cut = len(self._prefix) + 1
        return [
            Attempt(call.at, call.user[cut:], call.channel, call.mark, call.status, call.message_id)
            for call in list(self.endpoints.calls)
        ]

    def rows(self, user: str) -> list[dict[str, Any]]:
        """As `Timeline.rows`."""
        return self.real.query(
            "SELECT * FROM notification_logs WHERE user_id = ?1 ORDER BY id",
            self.user(user),
        )

    def queue_forgets(self) -> WorkerdTimeline:
        """As `Timeline.queue_forgets`."""
        self.real.forget_messages()
        return self

    def kill(self) -> WorkerdTimeline:
        """As `Timeline.kill`."""
        for process in self.real.victims("version"):
            process.kill()
            process.wait(10)
        eventually(self.real.serves, what="the version to serve again")
        return self

    def see(self, check: Callable[[], None]) -> None:
        """As `Timeline.see`."""
        failed: list[AssertionError] = []

        def holds() -> bool:
            try:
                check()
            except AssertionError as error:
                failed.append(error)
                return False
            return True

        try:
            eventually(holds, what="an expectation")
        except AssertionError:
            failed[-1].add_note(self._situation())
            raise failed[-1] from None

    def _situation(self) -> str:
        """What a reader needs who can't have this run again: clock, calls, queues, log lines."""
        second = self.real.now() - self._start
        waiting = [round(moment - self._start, 1) for moment in self.real.messages_visible()]
        calls = [f"  {a.at:.1f} {a.user} {a.channel} {a.status}" for a in self.attempts()]
        told = self.real.worker_lines()
        lines = [f"  {line}" for line in told if self._prefix in str(line)]
        outcomes = [f"  {line}" for line in told if "outcome" in line]
        return "\n".join(
            [
                f"second {second:.1f}; messages visible at {waiting}; calls:",
                *calls,
                "the Worker's lines of these users:",
                *lines[-20:],
                "what it made of messages:",
                *outcomes[-20:],
            ]
        )

    def __enter__(self) -> WorkerdTimeline:
        self.endpoints.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._pool.shutdown(wait=True)
        self.endpoints.__exit__(*details)
