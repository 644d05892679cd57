"""The virtual clock: real time plus an offset that tests and people can move forward."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from localcloud.database import Database

_OFFSET = "clock_offset_ms"
MAX_ADVANCE_MS = 400 * 24 * 3600 * 1000  # bounded, so that a slip of the hand can't reach year 9999


class VirtualClock:
    """One clock for the broker, the cron clock and the Worker's TEST_CLOCK binding.

    The offset is durable: times that were stored before a restart stay comparable after it.
    """

    def __init__(
        self,
        database: Database,
        *,
        real_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._database = database
        self._real_ms = real_ms
        self._offset_ms = int(database.setting(_OFFSET) or "0")
        self._listeners: list[Callable[[], None]] = []

    @property
    def offset_ms(self) -> int:
        """Milliseconds by which it is ahead of the real time."""
        return self._offset_ms

    def now_ms(self) -> int:
        """Milliseconds since 1970 on the virtual clock."""
        return self._real_ms() + self._offset_ms

    def timestamp(self) -> str:
        """The virtual time as Cloudflare writes it: RFC 3339, UTC, microseconds."""
        moment = datetime.fromtimestamp(self.now_ms() / 1000, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def advance(self, milliseconds: int) -> int:
        """Move the clock forward and return the new time.

        Raises ValueError for a negative step, or for one of more than 400 days.
        """
        if not 0 <= milliseconds <= MAX_ADVANCE_MS:
            raise ValueError(f"advance_ms must be from 0 to {MAX_ADVANCE_MS}")
        self._offset_ms += milliseconds
        self._database.set_setting(_OFFSET, str(self._offset_ms))
        for listener in self._listeners:
            listener()
        return self.now_ms()

    def on_advance(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each step, so that sleepers look at the time again."""
        self._listeners.append(listener)
