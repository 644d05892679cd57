"""Pages of a list, with the Link header that GitHub's clients follow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from starlette.requests import Request

Item = TypeVar("Item")
_MAX_DIGITS = 9


def page_of(
    request: Request, found: Sequence[Item], *, default: int = 30, largest: int = 100
) -> tuple[list[Item], dict[str, str]]:
    """The page that `page` and `per_page` ask for, and the headers that lead to the others.

    GitHub takes a number that makes no sense for the default, and too large a page for the largest.
    """
    number = _whole(request, "page", 1)
    size = min(_whole(request, "per_page", default), largest)
    last = max(1, math.ceil(len(found) / size))
    links: dict[str, int] = {}
    if number < last:
        links |= {"next": number + 1, "last": last}
    if number > 1:
        links |= {"prev": number - 1, "first": 1}
    header = ", ".join(f'<{_url(request, page, size)}>; rel="{rel}"' for rel, page in links.items())
    shown = list(found[(number - 1) * size : number * size])
    return shown, {"Link": header} if header else {}


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    is_number = text.isdecimal() and len(text) <= _MAX_DIGITS and int(text) > 0
    return int(text) if is_number else default


def _url(request: Request, page: int, size: int) -> Any:
    return request.url.include_query_params(page=page, per_page=size)
