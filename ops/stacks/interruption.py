"""Remembering that somebody wants the command to end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
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

    @contextmanager
    def listening(self, *, hangup: bool) -> Iterator[None]:
        """Take the signals over; after the block the process ignores them.

        The command says its last sentence then, and a Ctrl-C that is pressed twice doesn't cut it
        off with a stack trace.

        Args:
            hangup: whether a lost terminal (SIGHUP) ends the command too. Without it, it is
                ignored here and by every program that is started from here.
        """
        heard = [signal.SIGINT, signal.SIGTERM]
        if hasattr(signal, "SIGHUP"):
            heard.append(signal.SIGHUP)
        taken = [one for one in heard if signal.getsignal(one) is not signal.SIG_IGN]
        for number in taken:
            ends = hangup or number in heard[:2]
            signal.signal(number, self._hear if ends else signal.SIG_IGN)
        try:
            yield
        finally:
            for number in taken:
                signal.signal(number, signal.SIG_IGN)

    def _hear(self, number: int, _: FrameType | None) -> None:
        if self.signal is None:
            self.signal = signal.Signals(number)
        raise KeyboardInterrupt
