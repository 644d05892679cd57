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
# White space, and what Unicode calls default-ignorable (DerivedCoreProperties.txt).
_INVISIBLE = (
    "\\s\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e"
    "\\u2060-\\u206f\\u2800\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufff8"
    "\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff"
)
_VISIBLE = re.compile(f"[^{_INVISIBLE}\\x00-\\x1f\\x7f-\\x9f]")


class Cut(NamedTuple):
    """A text that fits, and whether its end was cut off."""

    text: str
    truncated: bool


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


def is_blank(text: str) -> bool:
    """Say whether a text has no character that anybody would see."""
    return _VISIBLE.search(text) is None
