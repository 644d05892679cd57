"""Ends this process when the engine that started it is gone.

Loaded by path in the engine's children, before anything slow is imported; standard library only.
"""

from __future__ import annotations

import os
import sys
import threading

_ORPHANED = 70


def guard() -> None:
    """From now on the end of standard input ends the process, whatever it is doing."""
    threading.Thread(target=_wait_for_end, name="engine-guard", daemon=True).start()


def _wait_for_end() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(_ORPHANED)
