"""When a failed call is made again, and after how long."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from notification_sdk._arguments import at_least
from notification_sdk._errors import NotificationError, TransportError

_PASSING_STATUSES = frozenset({429, 502, 503, 504})
_REFUSED_BEFORE_WORK = frozenset({"RATE_LIMIT_EXCEEDED", "MAINTENANCE"})
"""The service answers these before it reads the request's body."""
_MAX_DOUBLINGS = 60
"""More would exceed a floating-point number, and any `max_delay` that a person sets."""
_UNDER_WAY = "IDEMPOTENCY_IN_PROGRESS"


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often, and after which waits, a call is made again.

    A wait doubles from one retry to the next and is then shortened by up to half at random, so
    that many clients don't come back at once. Where the service says ``Retry-After``, that is the
    wait; where it is over ``max_retry_after``, the error is raised at once.

    Attributes:
        max_retries: retries after the first try.
        delay: the first wait, in seconds.
        max_delay: the longest wait, in seconds, where the service names none.
        max_retry_after: the longest ``Retry-After`` to wait for, in seconds.
        chance: returns a number from 0 to 1.

    Raises:
        ValueError: a number is negative, or isn't a number.
    """

    max_retries: int = 3
    delay: float = 1.0
    max_delay: float = 30.0
    max_retry_after: float = 60.0
    chance: Callable[[], float] = field(default=random.random, repr=False)

    def __post_init__(self) -> None:
        for name in ("max_retries", "delay", "max_delay", "max_retry_after"):
            at_least(name, getattr(self, name), 0)

    def wait(self, error: NotificationError, *, retries: int, repeatable: bool) -> float | None:
        """Return the seconds to wait before the next try; ``None`` gives up.

        Args:
            error: how the last try failed.
            retries: how many retries there were.
            repeatable: whether the call may be made twice. One that may not is made again only
                where the service surely did nothing.
        """
        if retries >= self.max_retries or not _may_pass(error):
            return None
        if not repeatable and not _did_nothing(error):
            return None
        if error.retry_after is not None:
            return error.retry_after if error.retry_after <= self.max_retry_after else None
        longest = min(self.delay * 2.0 ** min(retries, _MAX_DOUBLINGS), self.max_delay)
        return longest * (1 - self.chance() / 2)


def _may_pass(error: NotificationError) -> bool:
    if isinstance(error, TransportError):
        return True
    return error.status in _PASSING_STATUSES or error.code == _UNDER_WAY


def _did_nothing(error: NotificationError) -> bool:
    if isinstance(error, TransportError):
        return error.never_arrived
    return error.code in _REFUSED_BEFORE_WORK
