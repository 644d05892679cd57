"""A timeline on a virtual clock: what happens when, and what must have happened by then.

    timeline.at(0).send()
    timeline.at(5).endpoint_answers(500)
    timeline.at(12).expect(attempts=2, status="retry")

Times are seconds after the start. Between the entries queues deliver what is due and the cron
runs every five minutes, as they would.
"""

from __future__ import annotations

from typing import Any

from tests.worker.caller import Answer
from tests.worker.endpoints import answer
from tests.worker.queues import Delivered
from tests.worker.surroundings import START_MS
from tests.worker.world import World

CRON_MS = 300_000
STEP_MS = 1_000


class Timeline:
    """Drives one world; `answers` are those to `send`, in order."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: list[Answer] = []
        self.handled: list[Delivered] = []
        self.queues_deliver = True
        self.cron_runs = True

    def at(self, second: float) -> Timeline:
        """Let time pass until then."""
        until = START_MS + round(second * 1000)
        assert until >= self.world.clock.ms, f"{second} s is in the past"
        while True:
            self._deliver()
            if self.world.clock.ms >= until:
                return self
            step = min(STEP_MS, until - self.world.clock.ms)
            before = self.world.clock.ms
            self.world.clock.ms = before + step
            if self.cron_runs and before // CRON_MS != self.world.clock.ms // CRON_MS:
                self.world.cron()

    def _deliver(self) -> None:
        if self.queues_deliver:
            self.handled += self.world.deliver_queues()

    def send(self, **options: Any) -> Timeline:
        """Send one notification."""
        self.answers.append(self.world.send(**options))
        return self

    def endpoint_answers(self, status: int, **headers: str) -> Timeline:
        """From now on every endpoint answers like this."""
        self.world.endpoints.behave = lambda request: answer(status, "said so", **headers)
        return self

    def queue_loses_everything(self) -> Timeline:
        """What waits on the queues is gone."""
        self.world.retry_queue.waiting.clear()
        self.world.failed_queue.waiting.clear()
        return self

    def expect(
        self,
        *,
        attempts: int | None = None,
        status: str | None = None,
        retries: int | None = None,
        dead_letters: int | None = None,
    ) -> Timeline:
        """What must be true of the newest notification, and of all calls so far."""
        row = self.world.logs()[-1]
        if attempts is not None:
            assert len(self.world.endpoints.received) == attempts
        if status is not None:
            assert row["status"] == status
        if retries is not None:
            assert row["retry_count"] == retries
        if dead_letters is not None:
            assert len(self.world.log_sink.of_type("dead_letter")) == dead_letters
        return self

    def attempt_times(self) -> list[float]:
        """Seconds after the start at which the endpoint was called."""
        return [(ms - START_MS) / 1000 for ms, _ in self.world.endpoints.received]
