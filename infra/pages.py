"""A list of Cloudflare's API, page after page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

PER_PAGE = 50
MAX_PAGES = 200


class NoList(Exception):
    """A page has something else than a list of objects."""


class EndlessList(Exception):
    """There are more than `MAX_PAGES` pages."""


def all_items(
    read: Callable[[Mapping[str, str]], Mapping[str, Any] | None],
) -> Iterator[dict[str, Any]]:
    """Yield the items of every page.

    Some lists aren't paged (in the SDK they are of the type ``SinglePage``): everything comes at
    once, whichever page is asked for.

    Args:
        read: returns the document of a page, by its query; ``None`` where there is no such list.

    Raises:
        NoList: a page isn't a list.
        EndlessList: no page was the last one.
    """
    before: list[Any] = []
    for page in range(1, MAX_PAGES + 1):
        document = read({"page": str(page), "per_page": str(PER_PAGE)})
        if document is None:
            return
        items = document["result"] or []
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise NoList
        info = document.get("result_info")
        pages = info.get("total_pages") if isinstance(info, dict) else None
        if not isinstance(pages, int):
            if items and items == before:
                return
            # Not every list tells how many pages it has; one that isn't full is the last then.
            pages = page + (len(items) == PER_PAGE)
        before = items
        yield from items
        if page >= pages:
            return
    raise EndlessList
