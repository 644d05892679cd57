"""Pages of a list, and counts that stop: how long it is, at a bounded cost."""

from collections.abc import Awaitable, Callable
from typing import Any

from notification.ports.database import Database, Row, Statement

PageStatement = Callable[[str, int, int], Statement]
"""Makes the statement of a page from columns, limit and offset."""
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


async def read_page(
    database: Database,
    page: PageStatement,
    count: Statement,
    columns: str,
    table: str,
    *,
    limit: int,
    offset: int,
    newest_first: bool = False,
) -> tuple[list[Row], int]:
    """Return the rows of a page, and how many there are in all, as `count` counts them.

    `AllShards` merges its databases' pages; every other database answers as it is asked.

    Raises:
        ServiceError: INVALID_PARAMETER for a page that lies too far back in several databases.
        DatabaseError: the database did not answer.
    """
    merge: Callable[..., Awaitable[tuple[list[Row], int]]] | None
    merge = getattr(database, "merged_page", None)
    if merge is not None:
        merged: tuple[list[Row], int] = await merge(
            page, count, columns, table, limit=limit, offset=offset, newest_first=newest_first
        )
        return merged
    rows, total = await database.batch([page(columns, limit, offset), count])
    return rows.rows, total.sum("total")
