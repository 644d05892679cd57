"""Time that passes only when nothing else is left to do."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

from tests.worker.surroundings import START_MS


class _Jumps(selectors.DefaultSelector):
    """Waits for nothing: time that would have been waited is added up instead."""

    elapsed_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("nothing will ever happen again: everything waits for something")
            self.elapsed_s += max(timeout, 0)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose `sleep`, `wait` and timeouts take no real time.

    Its `time()` starts at 0 and jumps to the next timer whenever no task can go on.
    """

    def __init__(self) -> None:
        self._jumps = _Jumps()
        super().__init__(self._jumps)

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._jumps.elapsed_s


class LoopClock:
    """The service's clock on a virtual loop.

    Attributes:
        jumped_ms: how far the clock was set forward (or, below 0, back) so far; the queues' and
            the cron's time is not touched by that.
    """

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._loop = loop
        self.jumped_ms = 0

    @property
    def ms(self) -> int:
        """Milliseconds since the epoch."""
        return START_MS + round(self._loop.time() * 1000) + self.jumped_ms

    def now_ms(self) -> int:
        """As `Clock.now_ms`."""
        return self.ms

    async def sleep(self, ms: int) -> None:
        """As `Clock.sleep`."""
        await asyncio.sleep(ms / 1000)
