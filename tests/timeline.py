"""A language for stories: what happens when, and what must have happened by then.

    timeline.endpoint("ann").down(between=(0, 25))
    timeline.at(0).push("order", to="ann")
    timeline.at(10).expect("order", attempts=2, status="retry")
    timeline.at(45).expect("order", attempts=3, status="sent")
    timeline.expect_attempts("order", at=(0, 10, 40))

Seconds count from the timeline's start. Between the sentences queues deliver, the cron runs every
five minutes, and requests go on. Three drivers know the words: `SteppedTimeline` (one world, one
thing at a time, on a clock that is moved), `SimulatedTimeline` (isolates side by side on virtual
time) and `WorkerdTimeline` (the real bundle on workerd).
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

FOREVER = float("inf")
MARK = re.compile(r"push(\d+)end")
"""How a text names its notification, so that it can be found in any channel's payload."""
UNREACHABLE = 0
"""The status of an endpoint that accepts no connection."""


@dataclass(frozen=True)
class Spell:
    """From second `start` until `end` an endpoint answers with `status` after `takes` seconds."""

    start: float
    end: float
    status: int = 200
    takes: float = 0.0
    retry_after: str | None = None


class Attempt(NamedTuple):
    """One call that an endpoint got, `at` seconds; `message_id` only where the channel has one."""

    at: float
    user: str
    channel: str
    mark: int
    status: int
    message_id: str | None


class Reply(NamedTuple):
    """What a caller got; status 0 where the answer never came."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


class Endpoint:
    """Says how one user's endpoint behaves."""

    def __init__(self, plan: Callable[[Spell], None]) -> None:
        self._plan = plan

    def down(
        self,
        between: tuple[float, float] = (0, FOREVER),
        status: int = 500,
        retry_after: str | None = None,
    ) -> None:
        """Answer with `status` from the one second to the other."""
        self._plan(Spell(*between, status=status, retry_after=retry_after))

    def slow(self, seconds: float, between: tuple[float, float] = (0, FOREVER)) -> None:
        """Take that long to confirm."""
        self._plan(Spell(*between, takes=seconds))


class Timeline(ABC):
    """The words; see the module. A driver fills in the abstract ones.

    Attributes:
        slack_s: how late a due attempt may be.
    """

    slack_s: float = FOREVER

    def __init__(self) -> None:
        self._marks: dict[str, tuple[int, str]] = {}

    # What the driver knows.

    @abstractmethod
    def at(self, second: float) -> Timeline:
        """Let time pass until then."""

    @abstractmethod
    def configure(self, user: str, channel: str = "webhook") -> None:
        """Give a user an endpoint."""

    @abstractmethod
    def endpoint(self, user: str, channel: str = "webhook") -> Endpoint:
        """A user's endpoint, to say how it behaves."""

    @abstractmethod
    def begin(
        self,
        name: str,
        method: str,
        path: str,
        body: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> None:
        """Start a signed request under a name; it goes on while time passes."""

    @abstractmethod
    def reply(self, name: str) -> Reply:
        """What came back of the newest request of that name; waits for it."""

    @abstractmethod
    def attempts(self) -> list[Attempt]:
        """All calls that endpoints got."""

    @abstractmethod
    def rows(self, user: str) -> list[dict[str, Any]]:
        """The user's notifications with the API's fields, oldest first."""

    @abstractmethod
    def queue_forgets(self) -> Timeline:
        """What waits on the queues is gone."""

    @abstractmethod
    def kill(self) -> Timeline:
        """The processes that run the Worker end, without a word."""

    @abstractmethod
    def see(self, check: Callable[[], None]) -> None:
        """Assert, where a real process needs a moment: until it holds."""

    # The sentences.

    def endpoint_answers(
        self, status: int, *, to: str = "ann", retry_after: str | None = None
    ) -> Timeline:
        """From now on a user's webhook endpoint answers like this."""
        self.endpoint(to).down(status=status, retry_after=retry_after)
        return self

    def push(
        self,
        name: str,
        to: str = "ann",
        *,
        channels: Sequence[str] = ("webhook",),
        key: str | None = None,
        text: str = "Shipped",
        again: str | None = None,
    ) -> Timeline:
        """Send a notification; `again` repeats the one of that name, word for word."""
        mark = self._marks[again][0] if again else len(self._marks) + 1
        self._marks[name] = (mark, to)
        body: dict[str, Any] = {
            "user_id": to,
            "channels": list(channels),
            "custom_content": {"content": f"{text} push{mark}end"},
        }
        if key is not None:
            body["idempotency_key"] = key
        self.begin(name, "POST", "/api/notifications/send", body)
        return self

    def call(
        self,
        name: str,
        method: str,
        path: str,
        body: dict[str, Any],
        *,
        to: str = "ann",
        headers: dict[str, str] | None = None,
    ) -> Timeline:
        """Any other request; "MARK" in its body makes the notification known by `name`."""
        mark = len(self._marks) + 1
        self._marks.setdefault(name, (mark, to))
        marked = json.loads(json.dumps(body).replace("MARK", f"push{self._marks[name][0]}end"))
        self.begin(name, method, path, marked, headers)
        return self

    def attempts_of(self, name: str, channel: str | None = None) -> list[Attempt]:
        """The calls that carried this notification."""
        mark, user = self._marks[name]
        return [
            a
            for a in self.attempts()
            if (a.mark, a.user) == (mark, user) and channel in (None, a.channel)
        ]

    def row(self, name: str, channel: str = "webhook") -> dict[str, Any]:
        """The one row of a notification and channel."""
        mark, user = self._marks[name]
        found = [
            row
            for row in self.rows(user)
            if f"push{mark}end" in str(row["content"]) and row["channel_type"] == channel
        ]
        assert len(found) == 1, f"{name} has {len(found)} rows over {channel}"
        return found[0]

    def expect(
        self,
        name: str,
        *,
        attempts: int | None = None,
        status: str | None = None,
        retries: int | None = None,
        error: str | None = None,
        channel: str = "webhook",
    ) -> Timeline:
        """What must be true of a notification by now. `error` is a part of the row's text."""

        def check() -> None:
            if attempts is not None:
                assert len(self.attempts_of(name, channel)) == attempts
            if status is not None:
                assert self.row(name, channel)["status"] == status
            if retries is not None:
                assert self.row(name, channel)["retry_count"] == retries
            if error is not None:
                assert error in str(self.row(name, channel)["error"])

        self.see(check)
        return self

    def expect_attempts(self, name: str, at: Sequence[float]) -> Timeline:
        """As many attempts as times, each no earlier than its wait less the tenth of jitter, and no
        later than with it and the driver's slack; all with one message id."""
        found = self.attempts_of(name)
        assert len(found) == len(at), [a.at for a in found]
        for index in range(1, len(at)):
            wait, waited = at[index] - at[index - 1], found[index].at - found[index - 1].at
            assert wait * 0.9 <= waited + 0.01, (index, waited)
            assert waited <= wait * 1.1 + self.slack_s, (index, waited)
        assert len({a.message_id for a in found}) == 1
        return self

    def expect_reply(
        self, name: str, status: int, *, results: Sequence[str] | None = None, code: str = ""
    ) -> Timeline:
        """The answer's status, its error code, and the statuses of its results."""
        reply = self.reply(name)
        assert reply.status == status, reply
        if code:
            assert reply.body["code"] == code
        if results is not None:
            assert [r["status"] for r in reply.body["results"]] == list(results)
        return self
