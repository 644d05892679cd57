"""Cutting a document to what a channel takes, and splitting it into several parts."""

from collections.abc import Callable
from typing import NamedTuple

from notification.markup.document import FENCE, WHOLE, Document, joined, span_at
from notification.markup.graphemes import boundary
from notification.markup.plain_text import ELLIPSIS, WHITESPACE

Fits = Callable[[Document], bool]
"""Says whether a channel takes a document; true for each start of one for which it is true."""


class Parts(NamedTuple):
    """The parts of a document, and whether its end was cut off."""

    documents: tuple[Document, ...]
    truncated: bool


def utf16_units(text: str) -> int:
    """Return the length of a text in UTF-16 code units, as JavaScript and Telegram count it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut_document(document: Document, fits: Fits, *, longest: int) -> Parts:
    """Return the longest start that fits, with `…` where something was cut off.

    Args:
        document: the document.
        fits: says what fits.
        longest: code points that can fit at most; no more are looked at.
    """
    if len(document.text) <= longest and fits(document):
        return Parts((document,), truncated=False)
    mark = Document(ELLIPSIS)
    end = _furthest(document, lambda part: fits(joined((part, mark))), longest)
    kept = document.part(0, end).trimmed_end()
    marked = joined((kept, mark))
    return Parts((_extended(kept),) if fits(marked) else (), truncated=True)


def split_document(
    document: Document, fits: Fits, *, longest: int, count: int, fits_last: Fits | None = None
) -> Parts:
    """Split a document into at most `count` parts that fit; the last one is cut if it must be.

    Parts end at a line's end or a space if their last quarter has one; white space there is
    dropped, except inside a fence, which is closed in one part and opened in the next. No part ends
    inside a grapheme cluster or a mention.

    Args:
        document: the document.
        fits: says what fits.
        longest: code points that a part can have at most; no more are looked at.
        count: the most parts.
        fits_last: says what fits as the last part, if that is different.
    """
    found: list[Document] = []
    rest = document
    while len(found) < count - 1 and not (len(rest.text) <= longest and fits(rest)):
        end = _break(rest, _furthest(rest, fits, longest))
        if end == 0:
            break
        piece, rest = _divided(rest, end)
        if piece.text:
            found.append(piece)
    if rest.text:
        last = cut_document(rest, fits_last or fits, longest=longest)
        found += last.documents
        return Parts(tuple(found), last.truncated)
    return Parts(tuple(found), truncated=False)


def _extended(document: Document) -> Document:
    """Add `…` inside the spans that reach the end, so that a cut fence ends with it."""
    end = len(document.text)
    spans = tuple(
        span._replace(end=end + 1) if span.end == end and span.kind not in WHOLE else span
        for span in document.spans
    )
    return Document(document.text + ELLIPSIS, spans)


def _furthest(document: Document, fits: Fits, longest: int) -> int:
    """Return the longest start that fits, in code points, cutting no cluster and no mention."""
    window = document.part(0, min(longest, len(document.text)))
    low, high = 0, len(window.text)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(window.part(0, middle)):
            low = middle
        else:
            high = middle - 1
    return _outside(document, low)


def _outside(document: Document, place: int) -> int:
    place = boundary(document.text, place)
    whole = span_at(document, place, WHOLE)
    return whole.start if whole is not None else place


def _break(document: Document, end: int) -> int:
    if end == len(document.text):
        return end
    earliest = end * 3 // 4
    for mark in ("\n", " "):
        place = document.text.rfind(mark, earliest, end + 1)
        if place > 0:
            at = min(place + 1, end) if mark == "\n" else place
            outside = _outside(document, at)
            if outside == at:
                return at
    return end


def _divided(document: Document, end: int) -> tuple[Document, Document]:
    head, tail = document.part(0, end), document.part(end, len(document.text))
    if span_at(document, end, frozenset({FENCE})) is None:
        blank = len(tail.text) - len(tail.text.lstrip(WHITESPACE))
        return head.trimmed_end(), tail.part(blank, len(tail.text))
    if head.text.endswith("\n"):
        head = head.part(0, len(head.text) - 1)
    elif tail.text.startswith("\n"):
        tail = tail.part(1, len(tail.text))
    return head, tail
