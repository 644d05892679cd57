"""Counts that stop: what a list says of its whole length."""

from typing import Any

MAX_COUNTED = 10_000
"""How far lists are counted; one row more tells that there are more."""


def capped_count(condition: str) -> str:
    """SQL that counts what `condition` (`FROM … WHERE …`) chooses, as `total`, up to one above
    `MAX_COUNTED`: its cost is bounded however long the list is."""
    return f"SELECT COUNT(*) AS total FROM (SELECT 1 {condition} LIMIT {MAX_COUNTED + 1})"  # noqa: S608 - conditions are constants of their modules


def shown_total(counted: int) -> dict[str, Any]:
    """The fields `total` and, where there are more than were counted, `total_capped`.

    >>> shown_total(3), shown_total(10_001)
    ({'total': 3}, {'total': 10000, 'total_capped': True})
    """
    if counted > MAX_COUNTED:
        return {"total": MAX_COUNTED, "total_capped": True}
    return {"total": counted}
