"""Histories: requests, faults and time in any order, drawn by Hypothesis."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from notification.timestamps import iso
from tests.promise.isolate import Cut
from tests.promise.promise_check import PromiseCheck, Push
from tests.promise.simulated_database import Failure
from tests.promise.simulated_move import SimulatedMove
from tests.promise.simulated_queue import QueueFaults
from tests.promise.simulated_timeline import SimulatedTimeline, address
from tests.promise.simulation import Simulation
from tests.timeline import UNREACHABLE, Spell

USERS = ("ann", "bob")
CHANNELS = ("webhook", "slack")
HEALING_S = 4_200
"""An hour for the longest delays and jumps of the clock, two sweeps, and the last retries."""
MAX_JUMPED_MS = 12 * 3_600_000


def _hold(channel: str, user: str) -> str:
    return f"/api/holds/{channel}" + (f"?user_id={user}" if user else "")


class HistoryMachine(RuleBasedStateMachine):
    """One installation with two isolates, two users and two channels each."""

    shards = 1

    def __init__(self) -> None:
        super().__init__()
        self.simulation = Simulation(shards=self.shards)
        line = SimulatedTimeline(self.simulation)
        for user in USERS:
            for channel in CHANNELS:
                line.configure(user, channel)
        self.check = PromiseCheck(self.simulation)
        self.rotations = 0
        self.mover: asyncio.Task[None] | None = None
        self.leads_to = {(user, channel): user for user in USERS for channel in CHANNELS}

    @initialize(shared=st.sets(st.sampled_from(CHANNELS)))
    def endpoints_are_shared(self, shared: set[str]) -> None:
        """Let the second user's channels lead to the first one's endpoints."""
        for channel in sorted(shared):
            self.leads_to[USERS[1], channel] = USERS[0]
            body = {
                "user_id": USERS[1],
                "channel_type": channel,
                "config_data": {"webhook_url": self._url(USERS[1], channel)},
            }
            answer = self.simulation.request("POST", "/api/user-configs", body)
            assert answer.status == 200

    def _endpoint(self, user: str, channel: str) -> str:
        return address(self.leads_to[user, channel], channel)

    def _url(self, user: str, channel: str) -> str:
        return f"https://{self._endpoint(user, channel)}"

    @rule(
        user=st.sampled_from(USERS),
        channels=st.sampled_from([("webhook",), ("slack",), ("webhook", "slack")]),
        keyed=st.booleans(),
    )
    def push(self, user: str, channels: tuple[str, ...], keyed: bool) -> None:
        """Send a new notification."""
        mark = len(self.check.pushes) + 1
        self.check.pushes.append(Push(mark, user, channels, f"key-{mark}" if keyed else None))
        self._request(self.check.pushes[-1])

    @rule(
        user=st.sampled_from(USERS),
        seconds=st.sampled_from([5, 70, 900]),
        fallback=st.booleans(),
        keyed=st.booleans(),
        urgent=st.booleans(),
    )
    def push_for_later(
        self, user: str, seconds: int, fallback: bool, keyed: bool, urgent: bool
    ) -> None:
        """Send one that is planned, or an order of fallbacks, or both."""
        mark = len(self.check.pushes) + 1
        more: dict[str, Any] = {"urgent": urgent}
        if seconds > 5 or not fallback:
            more["send_at"] = iso(self.simulation.clock.ms + seconds * 1000)
        channels = ("webhook", "slack") if fallback else ("webhook",)
        key = f"key-{mark}" if keyed else None
        self.check.pushes.append(Push(mark, user, channels, key, more, fallback))
        self._request(self.check.pushes[-1])

    @rule(
        channel=st.sampled_from(CHANNELS),
        user=st.sampled_from(["", *USERS]),
        seconds=st.sampled_from([20, 130, 600]),
    )
    def hold(self, channel: str, user: str, seconds: int) -> None:
        """Hold a channel back, or change until when."""
        until = iso(self.simulation.clock.ms + seconds * 1000)
        self.check.opened.append(self.simulation.now)
        self.simulation.begin("PUT", _hold(channel, user), {"until": until})

    @rule(channel=st.sampled_from(CHANNELS), user=st.sampled_from(["", *USERS]))
    def release(self, channel: str, user: str) -> None:
        """Take a hold away, if there is one."""
        self.check.opened.append(self.simulation.now)
        self.simulation.begin("DELETE", _hold(channel, user), {})

    @rule(
        user=st.sampled_from(USERS),
        schedule=st.sampled_from([None, [], ["5s"], ["20s", "1m"]]),
        quiet=st.sampled_from([None, "00:02", "00:10"]),
    )
    def configuration_changes(
        self, user: str, schedule: list[str] | None, quiet: str | None
    ) -> None:
        """Give a webhook a retry schedule, quiet hours, or neither."""
        config: dict[str, Any] = {"webhook_url": self._url(user, "webhook")}
        if schedule is not None:
            config["retry_schedule"] = schedule
        if quiet is not None:
            config["quiet_hours"] = {"from": quiet, "to": "00:20"}
        body = {"user_id": user, "channel_type": "webhook", "config_data": config}
        self.simulation.begin("POST", "/api/user-configs", body)

    @precondition(lambda self: any(p.key for p in self.check.pushes))
    @rule(choice=st.integers(0, 50), times=st.integers(1, 3))
    def repeat(self, choice: int, times: int) -> None:
        """Repeat a request under the same key."""
        keyed = [p for p in self.check.pushes if p.key]
        for _ in range(times):
            self._request(keyed[choice % len(keyed)])

    def _request(self, push: Push) -> None:
        push.requests.append(self.simulation.begin("POST", "/api/notifications/send", push.body()))

    @rule(seconds=st.sampled_from([0.01, 0.03, 0.05, 0.1, 0.3, 1, 5, 12, 40, 70, 130, 310]))
    def time_passes(self, seconds: float) -> None:
        self.simulation.pass_time(seconds)

    @rule(which=st.integers(0, 1))
    def kill(self, which: int) -> None:
        """Kill a process at any moment."""
        self.simulation.isolates[which].kill()

    @rule(which=st.integers(0, 1), call=st.integers(1, 12), after=st.booleans())
    def cut(self, which: int, call: int, after: bool) -> None:
        """Let a process end at its n-th await."""
        self.simulation.isolates[which].cut = Cut(call, after)

    @precondition(lambda self: self.check.pushes)
    @rule(choice=st.integers(0, 50))
    def hang_up(self, choice: int) -> None:
        """Let a caller hang up."""
        push = self.check.pushes[choice % len(self.check.pushes)]
        self.simulation.hang_up(push.requests[-1])
        self.check.interrupt()

    @rule(
        call=st.integers(1, 8),
        committed=st.booleans(),
        repeat=st.integers(1, 4),
        statement=st.integers(0, 3),
    )
    def database_fails(self, call: int, committed: bool, repeat: int, statement: int) -> None:
        """Let D1 fail in or after the n-th batch."""
        self.simulation.failures.following = Failure(call, committed, repeat, statement)
        self.check.lost_answers |= committed
        self.check.interruptions += repeat

    @rule(
        user=st.sampled_from(USERS),
        channel=st.sampled_from(CHANNELS),
        status=st.sampled_from([200, 200, 500, 429, 404, UNREACHABLE]),
        takes=st.sampled_from([0, 0.2, 3, 12]),
        lasting=st.sampled_from([3, 15, 60, 400]),
        retry_after=st.sampled_from([None, "2", "90"]),
    )
    def endpoint_changes(
        self,
        user: str,
        channel: str,
        status: int,
        takes: float,
        lasting: float,
        retry_after: str | None,
    ) -> None:
        """Let an endpoint fail, be slow, or recover."""
        now = self.simulation.now
        spell = Spell(now, now + lasting, status, takes, retry_after)
        self.simulation.endpoints.plan(self._endpoint(user, channel), spell)

    @rule(
        lose=st.sampled_from([0.0, 0.3, 1.0]),
        duplicate=st.sampled_from([0.0, 0.5]),
        delay=st.sampled_from([0.0, 0.5]),
        down=st.booleans(),
        answer_lost=st.booleans(),
    )
    def queues_change(
        self, lose: float, duplicate: float, delay: float, down: bool, answer_lost: bool
    ) -> None:
        """Let messages get lost, repeated, delayed or refused."""
        for queue in (self.simulation.retry_queue, self.simulation.failed_queue):
            queue.faults = QueueFaults(lose, duplicate, delay)
            queue.down, queue.answer_lost = down, answer_lost

    @rule(
        user=st.sampled_from(USERS),
        channel=st.sampled_from(CHANNELS),
        status=st.sampled_from([200, 500]),
        takes=st.sampled_from([8, 12]),
        more=st.sampled_from([0, 0, 12]),
    )
    def push_to_a_slow_endpoint(
        self, user: str, channel: str, status: int, takes: float, more: float
    ) -> None:
        """An attempt is under way after this: the first, or (`more`) probably the second."""
        now = self.simulation.now
        if more:
            self.endpoint_changes(user, channel, 500, 0, 3, None)
        else:
            self.endpoint_changes(user, channel, status, takes, 2, None)
        self.push(user, (channel,), keyed=True)
        self.simulation.pass_time(0.5)
        if more:
            spell = Spell(now + 5, now + 15, status, takes)
            self.simulation.endpoints.plan(self._endpoint(user, channel), spell)
            self.simulation.pass_time(more)

    @rule(
        channel=st.sampled_from(CHANNELS),
        users=st.permutations(USERS),
        retry_after=st.sampled_from(["30", "90"]),
        seconds=st.sampled_from([16, 25, 80]),
    )
    def push_to_a_throttled_endpoint(
        self, channel: str, users: list[str], retry_after: str, seconds: float
    ) -> None:
        """Let one user learn that an endpoint wants time, and another one send meanwhile."""
        for user in users:
            self.endpoint_changes(user, channel, 429, 0, 2, retry_after)
        self.push(users[0], (channel,), keyed=False)
        self.simulation.pass_time(seconds)
        self.push(users[1], (channel,), keyed=False)

    @precondition(lambda self: self.simulation.logs())
    @rule(
        back=st.integers(0, 5),
        off=st.sampled_from([0, 0, 0, 0, 1, -1]),
        dead=st.sampled_from([False, False, True]),
        times=st.integers(1, 2),
    )
    def stray_message(self, back: int, off: int, dead: bool, times: int) -> None:
        """Deliver a repeated, outdated or invented message."""
        rows = self.simulation.logs()
        row = rows[-1 - back % len(rows)]
        body = {
            "v": 1,
            "type": "retry_notification",
            "logId": row["id"],
            "retryCount": max(row["retry_count"] + off, 0),
        }
        queue = self.simulation.failed_queue if dead else self.simulation.retry_queue
        for _ in range(times):
            queue.put(dict(body))
        self.simulation.pass_time(0.5)

    @rule(seconds=st.sampled_from([-20, -3, 5, 61, 125, 125, 700, 3_600]), cron=st.booleans())
    def clock_jumps(self, seconds: int, cron: bool) -> None:
        """Set the service's clock, while the world goes on."""
        clock = self.simulation.clock
        if clock.jumped_ms + seconds * 1000 in range(-60_000, MAX_JUMPED_MS):
            clock.jumped_ms += seconds * 1000
            self.check.interrupt()
            self.check.stalled |= seconds > 30
        if cron:
            self.cron_fires()
            self.simulation.pass_time(0.5)

    @precondition(lambda self: any(r["status"] == "failed" for r in self.simulation.logs()))
    @rule(choice=st.integers(0, 50), discard=st.booleans(), all_of_them=st.booleans())
    def operator_deals_with_a_failure(self, choice: int, discard: bool, all_of_them: bool) -> None:
        """Redrive failed notifications, or discard one."""
        failed = [r["id"] for r in self.simulation.logs() if r["status"] == "failed"]
        chosen = failed[choice % len(failed)]
        if discard:
            self.check.discarded.add(chosen)
            self.simulation.begin("POST", "/api/queue/discard-failed", {"taskIds": [chosen]})
        else:
            body = {} if all_of_them else {"log_id": chosen}
            self.simulation.begin("POST", "/api/notifications/retry", body)

    @precondition(lambda self: any(r["status"] == "retry" for r in self.simulation.logs()))
    @rule(as_failed=st.booleans())
    def operator_clears_the_queue(self, as_failed: bool) -> None:
        """End the waiting retries."""
        self.simulation.begin("POST", "/api/queue/clear-retries", {"markAsFailed": as_failed})

    @rule(which=st.integers(0, 1))
    def keys_rotate(self, which: int) -> None:
        """A version with new secrets takes a share of the traffic; the old one runs beside it."""
        self.rotations += 1
        environment = self.simulation.environment
        for name, length in (("API_SECRET_KEY", 40), ("ENCRYPT_KEY", 32)):
            environment[f"{name}_PREVIOUS"] = environment[name]
            environment[name] = f"{name}-{self.rotations}-".ljust(length, "x")[:length]
        self.simulation.isolates[which].kill("replaced by a new version")

    @rule()
    def cron_fires(self) -> None:
        """Fire the cron once more, beside whatever runs."""
        self.simulation.loop.create_task(self.simulation.run_cron_once())

    @precondition(lambda self: self.shards > 1)
    @rule(
        n=st.integers(1, 3),
        killed_after=st.sampled_from([None, None, 5, 91, 93]),
        seconds=st.sampled_from([0, 90.3, 91.5, 100]),
        user=st.sampled_from(USERS),
    )
    def users_move(self, n: int, killed_after: float | None, seconds: float, user: str) -> None:
        """Send, and move users to `n` databases, or go on with a move that was killed."""
        self._stop_moving()
        loop = self.simulation.loop
        self.push(user, CHANNELS, keyed=True)
        mover = self.mover = loop.create_task(SimulatedMove(self.simulation).run(n))
        if killed_after is not None:
            loop.call_later(killed_after, mover.cancel)
        if seconds:
            self.simulation.pass_time(seconds)
            self.push(user, CHANNELS, keyed=True)
            self.cron_fires()

    def _stop_moving(self) -> None:
        mover, self.mover = self.mover, None
        if mover is not None and mover.done() and not mover.cancelled():
            mover.result()
        elif mover is not None:
            mover.cancel()

    def _end_the_move(self) -> None:
        if self.shards > 1:
            self._stop_moving()
            move = SimulatedMove(self.simulation)
            self.simulation.loop.run_until_complete(move.run(move.placement.n))

    @invariant()
    def what_holds_always(self) -> None:
        self.check.at_any_moment()
        if self.mover is not None and self.mover.done() and not self.mover.cancelled():
            self.mover.result()

    def teardown(self) -> None:
        """End the faults; within about an hour everything must be settled."""
        with self.simulation as simulation:
            for isolate in simulation.isolates:
                isolate.cut = None
            simulation.failures.following = None
            for queue in (simulation.retry_queue, simulation.failed_queue):
                queue.faults, queue.down, queue.answer_lost = QueueFaults(), False, False
                queue.wake()
            self._end_the_move()
            simulation.chance = random.Random(0)  # noqa: S311 - as in the simulation
            simulation.pass_time(HEALING_S)
            self.check.at_any_moment()
            self.check.at_the_end()
            if self.shards > 1:
                SimulatedMove(simulation).check_homes()
