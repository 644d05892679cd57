"""How often notifications had to be tried again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from notification_sdk._stored import LogEntry


@dataclass(frozen=True, kw_only=True)
class RetryStats:
    """Retries of some notifications.

    Attributes:
        total_retries: retries that were scheduled.
        failed_after_retries: notifications that failed after at least two retries.
        pending_retries: notifications that wait for one.
    """

    total_retries: int
    failed_after_retries: int
    pending_retries: int


def add_up(entries: Iterable[LogEntry]) -> RetryStats:
    """Return the figures of some notifications."""
    total = failed = pending = 0
    for entry in entries:
        total += entry.retry_count
        failed += entry.status == "failed" and entry.retry_count >= 2
        pending += entry.status == "retry_scheduled"
    return RetryStats(total_retries=total, failed_after_retries=failed, pending_retries=pending)
