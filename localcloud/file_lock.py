"""An exclusive lock on a file, given up by the system when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PAUSE = 0.05


class LockTaken(Exception):
    """Another process holds the lock and didn't give it up in time."""


@contextmanager
def locked(
    path: Path, *, seconds: float, on_wait: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Hold the lock on `path`, waiting up to `seconds` for it. Raises LockTaken or OSError.

    `on_wait` is called once if there is something to wait for. Children don't inherit the lock.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + seconds
        waiting = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    on_wait()
                    waiting = True
                if time.monotonic() >= deadline:
                    raise LockTaken(str(path)) from None
                time.sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)
