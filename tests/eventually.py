"""Waiting for something that another process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")
PATIENCE = 60.0
"""Seconds: far more than anything here takes, so that only a hang reaches it."""


def eventually(look: Callable[[], Seen | None], *, what: str) -> Seen:
    """Return the first truthy value of ``look``.

    Raises:
        AssertionError: it stayed falsy; the message names ``what`` and the last value.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE:.0f} s for {what}; last seen: {seen!r}")
        time.sleep(0.05)
