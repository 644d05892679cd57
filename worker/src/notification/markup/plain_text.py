"""Cleaning and cutting text. Lengths are code points, as are all limits of the service."""

import re
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
    """Cut a text to `limit` characters, the last one being `…` if something was cut off.

    No grapheme cluster is cut.
    """
    if len(text) <= limit:
        return Cut(text, truncated=False)
    # Few texts are cut.
    from notification.markup.graphemes import boundary

    return Cut(text[: boundary(text, max(limit - 1, 0))] + ELLIPSIS[: max(limit, 0)], True)
