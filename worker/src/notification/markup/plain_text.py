"""Cleaning and cutting text. Lengths are code points, as are all limits of the service."""

import re
from collections.abc import Callable
from typing import NamedTuple

ELLIPSIS = "…"
WHITESPACE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""The characters that ECMAScript's `trim` removes; Python's `strip` removes others."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Cut(NamedTuple):
    """A text that fits, and whether its end was cut off."""

    text: str
    truncated: bool


def trim(text: str) -> str:
    """Remove white space at both ends, as ECMAScript defines it."""
    return text.strip(WHITESPACE)


def without_control_characters(text: str) -> str:
    """Remove control characters other than tab, line feed and carriage return.

    A lone surrogate, which JSON can carry but UTF-8 can't, becomes U+FFFD.
    """
    if text.isprintable():
        return text
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text))


def clean(text: str) -> str:
    """Trim the text and remove its control characters (see `without_control_characters`)."""
    trimmed = text.strip(WHITESPACE)
    if trimmed.isprintable():
        return trimmed
    return without_control_characters(trimmed).strip(WHITESPACE)


def cut(text: str, limit: int) -> Cut:
    """Cut a text to `limit` characters; the last one becomes `…` if something was cut off."""
    if len(text) <= limit:
        return Cut(text, truncated=False)
    return Cut(text[: max(limit - 1, 0)] + ELLIPSIS[: max(limit, 0)], truncated=True)


def cut_to_fit(text: str, fits: Callable[[str], bool]) -> Cut:
    """Return the longest start of `text`, with `…`, for which `fits` is true.

    `fits` must be true for every start of a text for which it is true (a limit on bytes, on the
    escaped form, on a whole payload). If not even `…` fits, the text is empty.
    """
    if fits(text):
        return Cut(text, truncated=False)
    low, high = -1, len(text) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if fits(text[:middle] + ELLIPSIS):
            low = middle
        else:
            high = middle - 1
    return Cut(text[:low] + ELLIPSIS if low >= 0 else "", truncated=True)


def pieces(text: str, *, limit: int, count: int) -> tuple[list[str], bool]:
    """Split `text` into at most `count` pieces of at most `limit` characters.

    Pieces end at a line's end or a space if the last quarter of the limit has one; that white space
    is dropped.

    Returns:
        The pieces, the last one ending with `…` if the text goes on, and whether it does.
    """
    found: list[str] = []
    start = 0
    while len(text) - start > limit and len(found) < count - 1:
        end = _break(text, start, start + limit)
        found.append(text[start:end].rstrip(WHITESPACE))
        start = end
        while start < len(text) and text[start] in WHITESPACE:
            start += 1
    last = cut(text[start:], limit)
    if last.text:
        found.append(last.text)
    return [piece for piece in found if piece], last.truncated


def _break(text: str, start: int, end: int) -> int:
    earliest = start + (end - start) * 3 // 4
    for mark in ("\n", " "):
        place = text.rfind(mark, earliest, end)
        if place > start:
            return place + 1
    return end
