"""The local cloud's webhook sink, asked whether something has arrived."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import httpx

PATIENCE = 15.0
"""Seconds to wait for an arrival; a delivery that works takes milliseconds."""
_PAUSE_SECONDS = 0.1


def has_arrived(
    sink_url: str,
    path: str,
    text: str,
    *,
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> bool:
    """Wait until a message with ``text`` in its body came to ``path``; False when patience ends.

    Args:
        sink_url: the sink's URL without a path.
        path: where the message was sent, as ``/hook/NAME``.
        text: what tells it from others.
        now: monotonic seconds.
        sleep: waits the given seconds.
    """
    deadline = now() + PATIENCE
    with httpx.Client(base_url=sink_url, trust_env=False, timeout=5.0) as sink:
        while True:
            # A sink that gives another answer, or none, may give this one before patience ends.
            with suppress(httpx.HTTPError, ValueError, KeyError, TypeError):
                found = sink.get("/api/messages", params={"path": path, "limit": 20})
                if any(text in str(message["body"]) for message in found.json()["messages"]):
                    return True
            if now() >= deadline:
                return False
            sleep(_PAUSE_SECONDS)
