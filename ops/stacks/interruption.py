"""Remembering that somebody wants the command to end."""

from __future__ import annotations

import signal
from types import FrameType


class Interruption:
    """Ctrl-C or SIGTERM: raises KeyboardInterrupt, and is remembered.

    An engine in the middle of an update takes the exception for its own, stops in an orderly way
    and reports a failure; what was meant is only known from here.

    Attributes:
        signal: the signal that came first; ``None`` as long as none did.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    @property
    def seen(self) -> bool:
        """Whether the command was asked to end."""
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """What a shell reports for the signal: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.signal or signal.SIGINT)

    def listen(self, *, hangup: bool) -> None:
        """Take the signals over, for the rest of the process.

        Args:
            hangup: whether a lost terminal (SIGHUP) ends the command too. Without it, it is
                ignored here and by every program that is started from here.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._hear)
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._hear if hangup else signal.SIG_IGN)

    def _hear(self, number: int, _: FrameType | None) -> None:
        if self.signal is None:
            self.signal = signal.Signals(number)
        raise KeyboardInterrupt
