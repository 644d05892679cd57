"""A document in CommonMark (spec.commonmark.org), with `~~` for what is struck through.

For channels whose Markdown follows that specification. A reader of it sees the document's text,
line breaks and indents included, and no other markup than the document's.
"""

import re
from collections.abc import Callable

from notification.markup.document import (
    BOLD,
    BROADCAST,
    CODE,
    FENCE,
    ITALIC,
    LINK,
    MENTION,
    QUOTE,
    STRIKE,
    Document,
    Marks,
    Span,
    draw,
    within_lines,
)

Mention = Callable[[Span], str]
"""Writes a mention or a broadcast as the channel reads it; returns nothing if it stays text."""

_IN_LINE = frozenset((BOLD, ITALIC, STRIKE, LINK))
_MARKS = {BOLD: "**", ITALIC: "_", STRIKE: "~~"}
_ADDRESS = re.compile(r"https?://[^\s<>()\[\]*~`|\\]++")
_MISREAD = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|&[#A-Za-z0-9]")
"""Where emphasis or a character reference would be read inside an address."""
_SPECIAL = re.compile(r"[\\*_~`|<>\[\]()#&!]|^(?:[-+=]|[0-9]{1,9}[.)])", re.MULTILINE)
"""What isn't text: punctuation anywhere, and what begins a block."""
_INDENT = re.compile(r"(?<=\n)[ \t]++")


def draw_commonmark(document: Document, mention: Mention = lambda span: "") -> str:
    """Write a document in CommonMark.

    Args:
        document: the document.
        mention: writes mentions and broadcasts; without it they are text.
    """
    return draw(
        _indented(within_lines(document, _IN_LINE)),
        lambda document, span: _marking(document, span, mention),
        lambda text, verbatim: text if verbatim else _escape(text),
    )


def _escape(text: str) -> str:
    """Escape plain text; addresses stay whole, so that they are links."""
    written, at = [], 0
    for match in _ADDRESS.finditer(text):
        address = match[0]
        misread = _MISREAD.search(address) is not None
        written += [_escaped(text[at : match.start()]), f"<{address}>" if misread else address]
        at = match.end()
    return "".join([*written, _escaped(text[at:])])


def _escaped(text: str) -> str:
    # Two spaces end a line visibly; a bare line break is read as a space.
    return _SPECIAL.sub(_with_backslash, text).replace("\n", "  \n")


def _with_backslash(match: re.Match[str]) -> str:
    return f"{match[0][:-1]}\\{match[0][-1]}"


def _indented(document: Document) -> Document:
    """Keep indents visible: spaces at a line's start are dropped, and four of them begin code."""
    text, written, at = document.text, [], 0
    for span in document.spans:
        if span.kind == FENCE and span.start >= at:
            written += [_visible(text[at : span.start]), text[span.start : span.end]]
            at = span.end
    return Document("".join([*written, _visible(text[at:])]), document.spans)


def _visible(text: str) -> str:
    return _INDENT.sub(lambda match: "\u00a0" * len(match[0]), text)


def _marking(document: Document, span: Span, mention: Mention) -> Marks | None:
    text = document.text[span.start : span.end]
    if span.kind in (MENTION, BROADCAST):
        written = mention(span)
        return Marks(instead=written) if written else None
    if span.kind == LINK:
        address = span.value.replace("\\", "%5C").replace("<", "%3C").replace(">", "%3E")
        address = address.replace("(", "%28").replace(")", "%29").replace("&", "\\&")
        return Marks("[", f"]({address})")
    if span.kind == FENCE:
        return None if "```" in text else Marks(f"```{span.value}\n", "\n```")
    if span.kind == CODE:
        return None if "`" in text or "\n" in text or text != text.strip() else Marks("`", "`")
    if span.kind == QUOTE:
        # Without the empty line the next one would belong to the quote.
        return Marks("> ", "\n", "> ")
    mark = _MARKS.get(span.kind)
    return Marks(mark, mark) if mark is not None and _is_read(document.text, span) else None


def _is_read(text: str, span: Span) -> bool:
    """Say whether marks are read here: not inside a word, nor next to a space within them."""
    before, after = text[span.start - 1 : span.start], text[span.end : span.end + 1]
    inside = text[span.start : span.end]
    return not (inside[0].isspace() or inside[-1].isspace() or before.isalnum() or after.isalnum())
