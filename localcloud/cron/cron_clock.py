"""Firing the cron triggers of all Workers on the virtual clock, each minute at most once."""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
from typing import Any

from cron.expression import CronExpression
from localcloud.clock import VirtualClock
from localcloud.database import Database
from localcloud.desired_state import DesiredState
from localcloud.errors import RuntimeDown
from localcloud.host_client import HostError
from localcloud.version_split import draw

KEPT_FIRINGS = 1000  # rows of history per cron trigger
_MINUTE_MS = 60_000
_MAX_SLEEP = 60.0

log = logging.getLogger("localcloud.cron")


class CronClock:
    """One row per firing, written before the handler runs: a restart neither repeats nor storms.

    After a pause (the cloud was down, or the clock was moved) only the latest due minute of each
    trigger fires.
    """

    def __init__(
        self,
        database: Database,
        clock: VirtualClock,
        desired: DesiredState,
        *,
        chance: random.Random | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._desired = desired
        self._chance = chance or random.Random()  # noqa: S311  it shares out traffic, no secret
        self._wake = asyncio.Event()
        self._handlers: set[asyncio.Task[Any]] = set()
        clock.on_advance(self.look_again)

    def look_again(self) -> None:
        """Schedules or the clock changed: look for due triggers now."""
        self._wake.set()

    async def run(self) -> None:
        """Fire what is due, for ever."""
        while True:
            self._wake.clear()
            pause = 1.0
            if self._desired.runtime.up:  # else a firing would be lost: wait for the runtime
                try:
                    self.fire_due()
                    pause = (_MINUTE_MS - self._clock.now_ms() % _MINUTE_MS) / 1000
                except sqlite3.Error as error:
                    log.error("cron triggers can't be read: %s", error)
            try:
                # Not wait_for: before Python 3.12 it can swallow a cancellation.
                async with asyncio.timeout(min(pause, _MAX_SLEEP)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def fire_due(self) -> None:
        """Start the handlers of all triggers that are due at this minute of the clock."""
        now = self._clock.now_ms()
        for row in self._database.rows(
            "SELECT w.name AS script, s.cron, s.since_ms, (SELECT MAX(f.scheduled_ms) "
            "FROM cron_firings f WHERE f.script = w.name AND f.cron = s.cron) AS last_ms "
            "FROM schedules s JOIN workers w ON w.id = s.worker_id"
        ):
            after = max(row["since_ms"], row["last_ms"] or 0)
            due = CronExpression.parse(row["cron"]).latest(after, now)
            if due is not None and self._desired.split(row["script"]):
                self._start(row["script"], row["cron"], due)

    async def fire(self, script: str, cron: str) -> dict[str, Any]:
        """Run the handler now, whatever the schedule says; returns the row of the firing.

        Raises LookupError where the Worker has no deployment, and ValueError where it already
        fired in this millisecond.
        """
        if not self._desired.split(script):
            raise LookupError(f"Worker {script!r} isn't deployed.")
        scheduled_ms = self._clock.now_ms()
        if not self._claim(script, cron, scheduled_ms):
            raise ValueError("The trigger fired in this very millisecond: try again.")
        return await self._handle(script, cron, scheduled_ms)

    async def stop(self) -> None:
        """Cancel the handlers under way; their rows keep an empty outcome."""
        for task in self._handlers:
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    def _start(self, script: str, cron: str, scheduled_ms: int) -> None:
        if self._claim(script, cron, scheduled_ms):
            task = asyncio.create_task(self._handle(script, cron, scheduled_ms))
            self._handlers.add(task)
            task.add_done_callback(self._handlers.discard)

    def _claim(self, script: str, cron: str, scheduled_ms: int) -> bool:
        """Write the firing's row; False where it is already there."""
        claimed = self._database.execute(
            "INSERT OR IGNORE INTO cron_firings (script, cron, scheduled_ms, fired_ms) "
            "VALUES (?, ?, ?, ?)",
            script,
            cron,
            scheduled_ms,
            self._clock.now_ms(),
        )
        self._database.execute(
            "DELETE FROM cron_firings WHERE script = ? AND cron = ? AND scheduled_ms <= ("
            "SELECT scheduled_ms FROM cron_firings WHERE script = ? AND cron = ? "
            "ORDER BY scheduled_ms DESC LIMIT 1 OFFSET ?)",
            script,
            cron,
            script,
            cron,
            KEPT_FIRINGS,
        )
        return claimed == 1

    async def _handle(self, script: str, cron: str, scheduled_ms: int) -> dict[str, Any]:
        try:
            version = draw(self._desired.split(script), self._chance)
            client = await self._desired.runtime.client()
            answer = await client.fire(version, cron, scheduled_ms)
            outcome, error = str(answer.get("outcome", "unknown")), answer.get("error")
        except (HostError, RuntimeDown, LookupError) as problem:
            outcome, error = "unreachable", str(problem)
        if outcome != "ok":
            log.warning("cron %s of %s ended with %s: %s", cron, script, outcome, error)
        self._database.execute(
            "UPDATE cron_firings SET outcome = ?, error = ? "
            "WHERE script = ? AND cron = ? AND scheduled_ms = ?",
            outcome,
            None if error is None else str(error),
            script,
            cron,
            scheduled_ms,
        )
        return {
            "script": script,
            "cron": cron,
            "scheduled_ms": scheduled_ms,
            "outcome": outcome,
            "error": error,
        }
