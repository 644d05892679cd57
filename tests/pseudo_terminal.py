"""A terminal that a test is on the other side of."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios


def open_terminal(*, lines: int, columns: int) -> tuple[int, int]:
    """Open a terminal of that size; return the test's end and the command's."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    return ours, theirs


def read_terminal(ours: int) -> str:
    """Return everything that is shown until nobody has the command's end open, and close ours."""
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux tells the end of a terminal so.
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")
