"""Histories with a crash at any port call: accepted means delivered or visibly failed."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from notification.app.platform import IsolateMemory
from tests.worker.endpoints import answer
from tests.worker.stepped_timeline import SteppedTimeline
from tests.worker.world import World


class Crash(BaseException):
    """The process ended here."""


class CrashingWorld(World):
    """Ends the process at a chosen call of a port, before or after the call took effect."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.crash_in = -1
        self.crash_after_effect = False
        self.database.before_batch = lambda statements: self._tick(after=False)
        self.database.after_batch = lambda statements: self._tick(after=True)
        self.outcome = 200
        self.endpoints.behave = self._behave

    def _behave(self, request: Any) -> Any:
        self._tick(after=True)
        return answer(self.outcome, "text")

    def _tick(self, *, after: bool) -> None:
        if after == self.crash_after_effect:
            self.crash_in -= 1
            if self.crash_in == 0:
                raise Crash

    def crash_at(self, call: int, *, after_effect: bool) -> None:
        """The `call`-th call from now, counting from 1, is the last one of this process."""
        self.crash_in, self.crash_after_effect = call, after_effect

    def recover(self) -> None:
        """A new process: nothing but the stores and the queues is left."""
        self.crash_in = -1
        self.memory = IsolateMemory()


@settings(max_examples=150, deadline=None)
@given(
    call=st.integers(1, 6),
    after_effect=st.booleans(),
    keyed=st.booleans(),
    outcome=st.sampled_from([200, 500, 404]),
    queue_lost=st.booleans(),
    repeat=st.booleans(),
)
def test_every_accepted_row_is_settled_after_a_crash_at_any_call(
    call: int, after_effect: bool, keyed: bool, outcome: int, queue_lost: bool, repeat: bool
) -> None:
    world = CrashingWorld()
    world.configure()
    world.outcome = outcome
    options = {"idempotency_key": "k"} if keyed else {}
    world.crash_at(call, after_effect=after_effect)
    crashed = False
    try:
        world.send(**options)
    except Crash:
        crashed = True
    world.recover()
    if repeat and keyed:
        world.clock.ms += 61_000
        again = world.send(**options)
        assert again.status == 200
    timeline = SteppedTimeline(world)
    if queue_lost:
        timeline.queue_forgets()
    timeline.at((world.clock.ms - 1_767_225_600_000) / 1000 + 1300)
    rows = world.logs()
    assert len(rows) <= 1
    if not crashed or rows:
        [row] = rows
        assert row["status"] == ("sent" if outcome == 200 else "failed")
    if keyed and repeat:
        assert len(rows) == 1
    ids = {r.headers["X-Notification-MessageId"] for _, r in world.endpoints.received}
    assert len(ids) <= 1
    most = {200: 1, 404: 1, 500: 3}[outcome] + int(crashed)
    assert len(world.endpoints.received) <= most


@settings(max_examples=60, deadline=None)
@given(call=st.integers(1, 8), after_effect=st.booleans())
def test_a_crash_in_the_queues_consumer_or_the_sweep_loses_nothing(
    call: int, after_effect: bool
) -> None:
    world = CrashingWorld()
    world.outcome = 500
    timeline = SteppedTimeline(world)
    timeline.configure("ann")
    timeline.at(0).push("order")
    world.outcome = 200
    world.crash_at(call, after_effect=after_effect)
    for second in range(1, 1500, 5):
        try:
            timeline.at(second)
        except Crash:
            world.recover()
    [row] = world.logs()
    assert row["status"] == "sent"
    assert 2 <= len(world.endpoints.received) <= 3
