"""Standard output and error that a command survives when nobody reads them any more."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from typing import Any, TextIO

_READER_GONE = frozenset({errno.EPIPE, errno.EIO})
"""A pipe whose reader has ended, and a terminal that is gone (write(2), Linux)."""


def outlive_readers(*, stop: bool = False) -> LastingOutput:
    """Let a closed output end nothing: what nobody reads is dropped, and the command goes on.

    A deployment whose output is cut off by ``| head`` or by a lost connection would otherwise stop
    half way, or wait for ever for a thread that died while it printed.

    Args:
        stop: raise BrokenPipeError where the reader of standard output is gone, for a command that
            only follows something and has no end of its own.

    Returns:
        Standard output, which knows whether it could be written.
    """
    for descriptor in (0, 1, 2):
        with contextlib.suppress(OSError):
            os.fstat(descriptor)
            continue
        os.open(os.devnull, os.O_RDWR)  # The lowest free number, which is this one.
    output = LastingOutput(1, stop=stop)
    sys.stdout = _as_text(sys.stdout, output)
    sys.stderr = _as_text(sys.stderr, LastingOutput(2, stop=False))
    return output


def _as_text(before: TextIO | None, output: LastingOutput) -> io.TextIOWrapper:
    errors = before.errors if before is not None else None
    return io.TextIOWrapper(
        io.BufferedWriter(output),
        encoding=before.encoding if before is not None else "utf-8",
        # A letter that a terminal hasn't is no reason to end a deployment.
        errors="backslashreplace" if errors in (None, "strict") else errors,
        # A pipe's reader sees each step as it happens, as a person on a terminal does.
        line_buffering=True,
    )


class LastingOutput(io.RawIOBase):
    """A file descriptor that becomes ``/dev/null`` once it can't be written.

    Attributes:
        failure: why it couldn't, where that isn't the end of its reader (a full disk).
    """

    def __init__(self, descriptor: int, *, stop: bool) -> None:
        self.failure: OSError | None = None
        self._descriptor = descriptor
        self._stop = stop

    def writable(self) -> bool:
        """See :class:`io.RawIOBase`."""
        return True

    def fileno(self) -> int:
        """See :class:`io.RawIOBase`."""
        return self._descriptor

    def isatty(self) -> bool:
        """See :class:`io.RawIOBase`."""
        return os.isatty(self._descriptor)

    def write(self, data: Any) -> int:
        """Write, or drop what can't be written."""
        while True:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                # A full pipe whose other end, or whose parent, has made it one that doesn't block.
                select.select([], [self._descriptor], [])
            except OSError as error:
                if error.errno not in _READER_GONE:
                    self.failure = error
                break
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._descriptor)
        os.close(nowhere)
        if self._stop and self.failure is None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        return len(data)
