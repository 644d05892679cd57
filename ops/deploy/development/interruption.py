"""Remembering that somebody wants the command to end."""

from __future__ import annotations

import signal
from types import FrameType


class Interruption:
    """Ctrl-C or SIGTERM: raises KeyboardInterrupt, and is remembered.

    An engine in the middle of an update takes the exception for its own, stops in an orderly way
    and reports a failure; what was meant is only known from here.
    """

    def __init__(self) -> None:
        self.seen = False

    def listen(self) -> None:
        """Take both signals over, for the rest of the process."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._hear)

    def _hear(self, _: int, __: FrameType | None) -> None:
        self.seen = True
        raise KeyboardInterrupt
