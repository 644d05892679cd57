"""Moments as the service stores and shows them: ISO 8601, UTC, with milliseconds."""

from datetime import UTC, datetime
from functools import lru_cache

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


@lru_cache
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat().removesuffix("+00:00")


# The clock stands still while a request computes: most calls ask for the same moment, and those of
# requests side by side for the same second.
@lru_cache
def iso(ms: int) -> str:
    """Format milliseconds since the epoch.

    >>> iso(1736071200000)
    '2025-01-05T10:00:00.000Z'
    """
    return f"{_second(ms // 1000)}.{ms % 1000:03d}Z"


def from_iso(text: object) -> int:
    """Parse a stored time into milliseconds since the epoch.

    >>> from_iso("2025-01-05T10:00:00.000Z")
    1736071200000
    """
    return round(datetime.fromisoformat(str(text)).timestamp() * 1000)


def floor(moment_ms: int, step_ms: int) -> int:
    """Return the start of the step (an hour or a UTC day) that contains a moment."""
    return moment_ms - moment_ms % step_ms
