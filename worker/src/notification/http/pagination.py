"""What a page says of the list that it is taken from."""

from typing import Any

from notification.storage.capped_count import MAX_COUNTED, shown_total


def pagination(counted: int, *, limit: int, offset: int, rows: int) -> dict[str, Any]:
    """The contract's paging fields for a page of `rows` rows.

    `counted` is how far the list was counted; beyond the cap a full page means that there may be
    more.

    >>> pagination(3, limit=2, offset=0, rows=2)
    {'total': 3, 'limit': 2, 'offset': 0, 'hasMore': True}
    """
    more = rows == limit if counted > MAX_COUNTED else rows > 0 and offset + rows < counted
    return {**shown_total(counted), "limit": limit, "offset": offset, "hasMore": more}
