"""Removing old notifications through the service's own API."""

from __future__ import annotations

from collections.abc import Callable

from ops.stacks.errors import ServiceError
from ops.stacks.moment import counted
from ops.stacks.service import ServiceClient

_MAX_CALLS = 500
"""A call removes at most 20 000; this ends a loop that gets nowhere."""


def remove_old_logs(service: ServiceClient, *, days: int, told: Callable[[str], object]) -> int:
    """Remove what is older than ``days`` days, and return how many notifications that were.

    ``told`` hears after each call how many are gone; how many there are, only a long query would
    tell.

    Raises:
        ServiceError: the service refused, gave no answer, or doesn't come to an end.
    """
    removed = 0
    for _ in range(_MAX_CALLS):
        with service.understood("POST /api/cleanup-logs"):
            data = service.result("POST", "/api/cleanup-logs", body={"days": days})["data"]
            removed += int(data["deleted_count"])
            if not data.get("more"):
                return removed
        told(f"{counted(removed, 'notification')} removed so far")
    raise ServiceError(
        f"{counted(removed, 'notification')} removed, and there are still more. Run the command "
        "again."
    )
