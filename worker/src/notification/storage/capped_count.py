"""Counts that stop: how long a list is, at a bounded cost."""

from typing import Any

MAX_COUNTED = 10_000
"""How far lists are counted; one row more shows that there are more."""


def capped_count(condition: str) -> str:
    """Return SQL that counts, as `total`, up to one above `MAX_COUNTED`.

    `condition` is `FROM … WHERE …`, and must be a constant.
    """
    return f"SELECT COUNT(*) AS total FROM (SELECT 1 {condition} LIMIT {MAX_COUNTED + 1})"  # noqa: S608 - conditions are constants of their modules


def shown_total(counted: int) -> dict[str, Any]:
    """Return the field `total`, and `total_capped` if there are more than were counted.

    >>> shown_total(3), shown_total(10_001)
    ({'total': 3}, {'total': 10000, 'total_capped': True})
    """
    if counted > MAX_COUNTED:
        return {"total": MAX_COUNTED, "total_capped": True}
    return {"total": counted}
