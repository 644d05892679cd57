"""How a call over a network is made again when it fails.

This is for calls that fail. Code that waits for a state (a preview URL to appear, a lease to lapse,
an import to be done) polls with a clock of its own, so that tests can move it.
"""

from __future__ import annotations

import logging

import stamina

# The caller reports a failure; stamina's log would print between the lines of a progress report.
logging.getLogger("stamina").addHandler(logging.NullHandler())


def retrying(
    on: type[Exception], *, attempts: int, first_wait: float, longest_wait: float
) -> stamina.BoundRetryingCaller:
    """Return a caller that repeats a function while it raises ``on``.

    The wait doubles from one attempt to the next. The last attempt's exception is raised.
    ``stamina.set_testing`` takes the waits away from tests.

    Args:
        on: what is worth another attempt; any other exception is raised at once.
        attempts: how often the function is called at most.
        first_wait: seconds between the first two attempts.
        longest_wait: seconds that no wait exceeds.
    """
    return stamina.RetryingCaller(
        attempts=attempts,
        timeout=None,
        wait_initial=first_wait,
        wait_max=longest_wait,
        wait_jitter=0,
    ).on(on)
