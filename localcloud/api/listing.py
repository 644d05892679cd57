"""The query of a list route: every parameter is honoured, or refused by its name.

A filter that is ignored answers other things than were asked for, and a client that deletes the
first item of such an answer deletes the wrong one. So a parameter that a route doesn't know is an
error here, where Cloudflare may ignore it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse

from localcloud.api.envelope import ApiError, success

Item = TypeVar("Item")

DEFAULT_PER_PAGE = 20
MAX_PER_PAGE = 1000
_MALFORMED = 10026
_MAX_PAGE = 10**9
_MAX_DIGITS = 18
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def unsorted(found: Iterable[Item], key: Callable[[Item], str]) -> list[Item]:
    """Return items in an order that stays the same and means nothing.

    It is for lists whose order Cloudflare doesn't promise: who relies on names or on the time of
    creation there must fail here as well. The key must be unique in the list.
    """
    return sorted(found, key=lambda item: hashlib.sha256(key(item).encode()).digest())


class ListQuery:
    """The parameters of one request. Read each by its name, then call `done`, `page` or `slice`.

    Every method raises ApiError(400) with the code of the route's family, naming the parameter and
    its rule.

    Example:
        >>> query = ListQuery(request)
        >>> name = query.text("name")
        >>> return query.page([item for item in items if name in {None, item["name"]}])
    """

    def __init__(self, request: Request, *, code: int = _MALFORMED) -> None:
        self._params = request.query_params
        self._code = code
        self._known: set[str] = set()

    def text(self, name: str) -> str | None:
        """Return the value, or None where the parameter isn't there; it may not be empty."""
        text = self._one(name)
        if text == "":
            raise self.refusal(f"{name} is empty: leave it out or give it a value.")
        return text

    def texts(self, name: str) -> list[str]:
        """Return all values of a parameter that may be repeated."""
        self._known.add(name)
        return self._params.getlist(name)

    def prefix(self, name: str) -> str:
        """Return the value; one that is empty or absent fits everything."""
        return self._one(name) or ""

    def choice(self, name: str, allowed: Collection[str], default: str) -> str:
        """Return one of `allowed`, or `default` where the parameter isn't there."""
        text = self._one(name)
        if text is None:
            return default
        if text not in allowed:
            raise self.refusal(f"{name} must be one of {', '.join(sorted(allowed))}.")
        return text

    def flag(self, name: str) -> bool | None:
        """Return a boolean, or None where the parameter isn't there."""
        text = self._one(name)
        if text is None:
            return None
        if text not in _FLAGS:
            raise self.refusal(f"{name} must be true or false.")
        return _FLAGS[text]

    def moment(self, name: str) -> datetime | None:
        """Return a time with its zone, or None where the parameter isn't there."""
        text = self.text(name)
        if text is None:
            return None
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            raise self.refusal(f"{name} must be a time such as 2026-01-31T12:00:00Z.")
        return found

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, or `default` where it isn't there."""
        text = self._one(name)
        if text is None:
            return default
        digits = text.removesuffix(".0")  # the SDKs type some of these as floating point
        is_number = digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS
        if not (is_number and low <= int(digits) <= high):
            raise self.refusal(f"{name} must be a whole number from {low} to {high}.")
        return int(digits)

    def sorted(
        self,
        found: Sequence[Item],
        *,
        by: dict[str, Callable[[Item], Any]],
        default: str,
        order: str = "order",
        direction: str = "direction",
        descending: bool = False,
    ) -> list[Item]:
        """Sort by the field and in the direction that the request names.

        Args:
            found: What is sorted.
            by: How to get each field that may be named.
            default: The field where the request names none.
            order: The parameter that names the field; empty where the route has none.
            direction: The parameter that says `asc` or `desc`.
            descending: The direction where the request names none.
        """
        field = self.choice(order, by, default) if order else default
        backwards = self.choice(direction, ("asc", "desc"), "desc" if descending else "asc")
        return sorted(found, key=by[field], reverse=backwards == "desc")

    def done(self) -> None:
        """Refuse the parameters that nobody read."""
        if unknown := sorted(set(self._params) - self._known):
            raise self.refusal(
                f"{unknown[0][:80]!r} isn't a parameter of this list. "
                f"Known: {', '.join(sorted(self._known)) or 'none'}."
            )

    def slice(
        self, found: Sequence[Item], *, per_page: int | None = DEFAULT_PER_PAGE
    ) -> tuple[list[Item], dict[str, int] | None]:
        """Cut out the page that was asked for and return it with its `result_info`.

        `per_page` is the size where the request gives none. None is for lists that Cloudflare
        doesn't page: everything comes at once, and without a `result_info`.
        """
        is_paged = per_page is not None or {"page", "per_page"} & set(self._params)
        number = self.number("page", 1, 1, _MAX_PAGE)
        size = self.number("per_page", per_page or max(len(found), 1), 1, MAX_PER_PAGE)
        self.done()
        shown = list(found[(number - 1) * size : number * size])
        info = {
            "page": number,
            "per_page": size,
            "count": len(shown),
            "total_count": len(found),
            "total_pages": math.ceil(len(found) / size),
        }
        return shown, info if is_paged else None

    def page(
        self, found: Sequence[Any], *, per_page: int | None = DEFAULT_PER_PAGE
    ) -> JSONResponse:
        """Answer the page that was asked for, see `slice`."""
        shown, info = self.slice(found, per_page=per_page)
        return success(shown, info=info)

    def refusal(self, text: str) -> ApiError:
        """Build the 400 of this list."""
        return ApiError(400, self._code, text)

    def _one(self, name: str) -> str | None:
        self._known.add(name)
        values = self._params.getlist(name)
        if len(values) > 1:
            raise self.refusal(f"{name} is there more than once.")
        return values[0] if values else None
