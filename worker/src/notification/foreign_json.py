"""Parsing JSON that somebody else wrote: bounded in depth before it is parsed.

The parser recurses on the runtime's stack, where going too deep ends the isolate and everything
that it was doing. So the depth is counted first, by one pass over the text.
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn

MAX_DEPTH = 32
"""Levels of arrays and objects, the outermost being the first."""

# A string is one token, so that brackets inside it don't count; one without an end takes the rest.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


class ForeignJsonError(ValueError):
    """The text isn't JSON, or nests too deep; the message says which."""


class TooDeep(ForeignJsonError):
    """The text nests deeper than is parsed."""

    def __init__(self, max_depth: int) -> None:
        super().__init__(f"nested deeper than {max_depth} levels")


def parse_foreign_json(
    text: str,
    *,
    max_depth: int = MAX_DEPTH,
    parse_float: Callable[[str], Any] | None = None,
) -> Any:
    """Parse a text, in time linear in its length and on a bounded stack.

    NaN and Infinity are no JSON.

    Args:
        text: the text.
        max_depth: levels that are parsed.
        parse_float: makes a number of a text with a fraction or an exponent.

    Raises:
        TooDeep: it nests deeper than `max_depth` levels.
        ForeignJsonError: it isn't JSON.
    """
    if text.count("[") + text.count("{") > max_depth and _depth(text, max_depth) > max_depth:
        raise TooDeep(max_depth)
    try:
        return _decoder(parse_float).decode(text)
    except ForeignJsonError:
        raise
    except ValueError as error:
        raise ForeignJsonError(str(error)) from None


# `json.loads` makes a new decoder for each call that sets an option.
@lru_cache
def _decoder(parse_float: Callable[[str], Any] | None) -> json.JSONDecoder:
    return json.JSONDecoder(parse_constant=_refuse_constant, parse_float=parse_float)


def _depth(text: str, limit: int) -> int:
    """Return the depth of a text; counting stops beyond `limit`."""
    depth = deepest = 0
    for token in _TOKEN.finditer(text):
        mark = text[token.start()]
        if mark in "[{":
            depth += 1
            if depth > deepest:
                deepest = depth
                if deepest > limit:
                    break
        elif mark in "]}":
            depth -= 1
    return deepest


def _refuse_constant(name: str) -> NoReturn:
    raise ForeignJsonError(f"{name} is not a JSON value")
