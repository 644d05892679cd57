"""A formatted text: what a person reads, and which parts of it are bold, links, code and so on.

Every content type is read into a document, and each channel draws the document in its own markup.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from notification.markup.plain_text import WHITESPACE

BOLD = "bold"
ITALIC = "italic"
UNDERLINE = "underline"
STRIKE = "strike"
SPOILER = "spoiler"
CODE = "code"
FENCE = "fence"
QUOTE = "quote"
LINK = "link"
MENTION = "mention"
BROADCAST = "broadcast"
TAG = "tag"
"""Markup of one channel alone, such as Lark's `<font>`; its value is the opening tag."""

VERBATIM = frozenset({CODE, FENCE})
"""Kinds in which no other markup is read."""
WHOLE = frozenset({MENTION, BROADCAST})
"""Kinds that are never cut."""


_DEPTHS = {QUOTE: 0, LINK: 2, CODE: 3, FENCE: 3}
"""How deep a kind lies among spans around the same text; all others are at 1."""


class Span(NamedTuple):
    """A part of a document's text.

    Attributes:
        start: where it begins, in code points.
        end: where it ends.
        kind: one of this module's kinds.
        value: a link's address, a fence's language, whom a mention names; else empty.
    """

    start: int
    end: int
    kind: str
    value: str = ""


class Document(NamedTuple):
    """A text and its spans, which nest and are ordered: outer before inner, by their start."""

    text: str
    spans: tuple[Span, ...] = ()

    def part(self, start: int, end: int) -> "Document":
        """Return a part; spans that reach beyond it are cut, mentions become text."""
        if start == 0 and end >= len(self.text):
            return self
        spans = []
        for span in self.spans:
            if span.start >= end:
                break
            left, right = max(span.start, start), min(span.end, end)
            if left < right and (span.kind not in WHOLE or (left, right) == span[:2]):
                spans.append(Span(left - start, right - start, span.kind, span.value))
        return Document(self.text[start:end], tuple(spans))

    def styled(self, kind: str) -> "Document":
        """Return the document with one more span around all of it."""
        if not self.text:
            return self
        return Document(self.text, (Span(0, len(self.text), kind), *self.spans))

    def trimmed_end(self) -> "Document":
        """Return the document without white space at its end."""
        return self.part(0, len(self.text.rstrip(WHITESPACE)))

    def trimmed(self) -> "Document":
        """Return the document without white space at its ends."""
        text = self.text
        return self.part(len(text) - len(text.lstrip(WHITESPACE)), len(text)).trimmed_end()

    def flattened(self) -> str:
        """Return the text for a place without markup: a link is followed by its address."""
        written, at = [], 0
        for span in sorted(self.spans, key=lambda span: span.end):
            shown = self.text[span.start : span.end]
            if span.kind == LINK and span.end >= at and shown != span.value:
                written += [self.text[at : span.end], ": ", span.value]
                at = span.end
        return "".join([*written, self.text[at:]])


def joined(documents: Sequence[Document], separator: str = "") -> Document:
    """Put documents one after the other."""
    text: list[str] = []
    spans: list[Span] = []
    at = 0
    for number, document in enumerate(documents):
        if number and separator:
            text.append(separator)
            at += len(separator)
        text.append(document.text)
        spans += [Span(s.start + at, s.end + at, s.kind, s.value) for s in document.spans]
        at += len(document.text)
    return Document("".join(text), tuple(spans))


class Marks(NamedTuple):
    """What a channel writes for a span.

    Attributes:
        opening: what stands before it.
        closing: what stands behind it.
        line: what stands before each further line inside it.
        instead: what stands for all of it, if its text isn't written.
    """

    opening: str = ""
    closing: str = ""
    line: str = ""
    instead: str = ""


Marking = Callable[[Document, Span], Marks | None]
"""Returns a span's marks in a channel; None where the channel can't mark it."""
Escaping = Callable[[str, str], str]
"""Escapes a piece of text; the second argument is the innermost kind that is `VERBATIM`, or ''."""


def draw(document: Document, marking: Marking, escape: Escaping) -> str:
    """Write a document in a channel's markup, in time linear in its length."""
    return _Drawing(document.text, escape).drawn(document, marking)


class _Drawing:
    def __init__(self, text: str, escape: Escaping) -> None:
        self._text = text
        self._escape = escape
        self._written: list[str] = []
        self._open: list[tuple[int, Marks, str]] = []
        self._at = 0
        self._verbatim = ""

    def drawn(self, document: Document, marking: Marking) -> str:
        for span in document.spans:
            self._close_until(span.start)
            if self._verbatim or span.start < self._at:
                continue
            marks = marking(document, span)
            if marks is None:
                continue
            self._write(span.start)
            if marks.instead:
                self._written.append(marks.instead)
                self._at = span.end
                continue
            self._written.append(marks.opening)
            self._open.append((span.end, marks, span.kind))
            if span.kind in VERBATIM:
                self._verbatim = span.kind
        self._close_until(len(self._text))
        self._write(len(self._text))
        return "".join(self._written)

    def _close_until(self, place: int) -> None:
        while self._open and self._open[-1][0] <= place:
            end, marks, kind = self._open[-1]
            self._write(end)
            self._written.append(marks.closing)
            self._open.pop()
            if kind == self._verbatim:
                self._verbatim = ""

    def _write(self, end: int) -> None:
        if end <= self._at:
            return
        piece = self._escape(self._text[self._at : end], self._verbatim)
        prefix = "".join(marks.line for _, marks, _ in self._open)
        self._written.append(piece.replace("\n", "\n" + prefix) if prefix else piece)
        self._at = end


def within_lines(document: Document, kinds: frozenset[str]) -> Document:
    """Divide spans of these kinds at line breaks, for channels that read them line by line."""
    spans = []
    for span in document.spans:
        if span.kind in kinds and "\n" in document.text[span.start : span.end]:
            at = span.start
            for line in document.text[span.start : span.end].split("\n"):
                spans.append(Span(at, at + len(line), span.kind, span.value))
                at += len(line) + 1
        else:
            spans.append(span)
    return Document(document.text, spans_in_order(spans))


def spans_in_order(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Order spans as a document needs them; empty ones are left out.

    Of spans around the same text a quote is the outermost, since its mark begins a line, and a
    link lies inside emphasis, since Slack reads none in its label, but around code. The others stay
    in the order in which they are given.
    """
    kept = [span for span in spans if span.start < span.end]
    return tuple(sorted(kept, key=lambda span: (span.start, -span.end, _DEPTHS.get(span.kind, 1))))


def span_at(document: Document, place: int, kinds: frozenset[str]) -> Span | None:
    """Return the innermost span of these kinds that lies across a place, if one does."""
    last = bisect_right(document.spans, place, key=lambda span: span.start)
    for span in reversed(document.spans[:last]):
        if span.kind in kinds and span.start < place < span.end:
            return span
    return None


_SCHEMES = ("https://", "http://", "mailto:", "tel:")


def is_address(address: str) -> bool:
    """Say whether a link may lead there: over HTTP, to a mailbox or to a telephone."""
    return address.lower().startswith(_SCHEMES) and not any(c <= " " for c in address)


def without_repeats(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """Leave out spans inside one of the same kind, and those that cross one."""
    kept: list[Span] = []
    around: list[Span] = []
    for span in spans:
        while around and around[-1].end <= span.start:
            around.pop()
        crosses = bool(around) and span.end > around[-1].end
        if crosses or any(span.kind == outer.kind for outer in around):
            continue
        kept.append(span)
        around.append(span)
    return tuple(kept)
