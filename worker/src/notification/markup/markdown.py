"""Markdown, read into a document.

What chats share is read: emphasis, code, fences, links, headings, quotes. Everything else is text,
line breaks included. A backslash makes any ASCII punctuation text, inside code too: values are put
into code like anywhere else. A `Dialect` says what single marks and mentions mean in a channel.
"""

import re
from typing import NamedTuple

from notification.markup.dialect import COMMON, Dialect, shown_text
from notification.markup.document import (
    BOLD,
    CODE,
    FENCE,
    LINK,
    MENTION,
    QUOTE,
    TAG,
    Document,
    Span,
    is_address,
    spans_in_order,
    without_repeats,
)
from notification.markup.html_entities import ENTITY, entity_text

_PUNCTUATION = r"[!-/:-@\[-`{-~]"
_UNESCAPE = re.compile(rf"\\({_PUNCTUATION})")
_TOKEN = re.compile(rf"\\{_PUNCTUATION}|`+|\*+|_+|~+|\|\||[\[\]<@\n]|{ENTITY}")
_BACKTICKS = re.compile(r"\\.|`+", re.DOTALL)
_LINE_START = re.compile(r"(#{1,6})[ \t]++(?=\S)|(>)[ \t]?|([*+])(?=[ \t])")
# Bounded, and each alternative begins with another character: a failed try is short.
_DESTINATION = re.compile(
    r"\([ \t]*+(?:<((?:\\.|[^<>\n\\]){0,2048}+)>"
    r"|((?:\\.|\([^\s()\\]{0,500}+\)|[^\s()\\]){0,2048}+))"
    r"(?:[ \t]++\"[^\"\n]{0,500}+\")?[ \t]*+\)"
)
_AUTOLINK = re.compile(r"<((?:https?:|mailto:)[^\s<>]{1,2048}+)>", re.IGNORECASE)
_LANGUAGE = re.compile(r"([A-Za-z0-9_+#.-]{0,30}+)[ \t]*+\n")
_MAX_RUN = 3


def read_markdown(source: str, dialect: Dialect = COMMON) -> Document:
    """Read any text, in time linear in its length; what is no markup is text."""
    return _Reader(source, dialect).read()


class _Open(NamedTuple):
    """A mark that waits for its end; `piece` is its place among the pieces."""

    mark: str
    piece: int
    value: str = ""


class _Reader:
    def __init__(self, source: str, dialect: Dialect) -> None:
        self._source = source
        self._dialect = dialect
        # Each mark is a piece of its own, which becomes empty when its other end is found.
        self._pieces: list[str] = []
        self._spans: list[tuple[int, int, str, str]] = []
        self._open: list[_Open] = []
        self._counts: dict[str, int] = {}
        self._heading: int | None = None
        self._quote: int | None = None
        self._fences = _closing_runs(source)

    def read(self) -> Document:
        source = self._source
        at = self._begin_line(0)
        while at < len(source):
            match = _TOKEN.search(source, at)
            if match is None:
                self._pieces.append(source[at:])
                break
            if match.start() > at:
                self._pieces.append(source[at : match.start()])
            at = self._token(match)
        self._end_line(at_end=True)
        return self._document()

    def _document(self) -> Document:
        offsets = [0]
        for piece in self._pieces:
            offsets.append(offsets[-1] + len(piece))
        spans = [
            Span(offsets[start], offsets[end], kind, value)
            # An inner span ends first.
            for start, end, kind, value in reversed(self._spans)
        ]
        return Document("".join(self._pieces), without_repeats(spans_in_order(spans)))

    def _token(self, match: re.Match[str]) -> int:
        """Read one token and return where to go on."""
        token, at = match[0], match.start()
        first = token[0]
        if first == "\\":
            self._pieces.append(self._dialect.escaped(token[1], self._source[at + 2 : at + 3]))
        elif first == "&":
            self._pieces.append(entity_text(token))
        elif first == "`":
            return self._code(at, len(token))
        elif first == "\n":
            return self._line_break(at)
        elif first == "[":
            is_image = self._source[max(at - 2, 0) : at].endswith("!")
            escaped = self._source[max(at - 2, 0) : at] == "\\!"
            self._push("[", "[", "!" if is_image and not escaped else "")
        elif first == "]":
            return self._close_link(at)
        elif first in "<@":
            return self._special(at)
        else:
            self._emphasis(token, at)
        return match.end()

    # Lines

    def _begin_line(self, at: int) -> int:
        match = _LINE_START.match(self._source, at)
        quoted = match is not None and match[2] is not None
        if quoted and self._quote is None:
            self._reset()
            self._quote = len(self._pieces)
        if match is None:
            return at
        if match[1] is not None:
            self._reset()
            self._heading = len(self._pieces)
        elif match[3] is not None:
            self._pieces.append("•")
        return match.end()

    def _line_break(self, at: int) -> int:
        source = self._source
        self._end_line(at_end=not source.startswith(">", at + 1))
        if source.startswith("\n", at + 1):
            self._reset()
        self._pieces.append("\n")
        return self._begin_line(at + 1)

    def _end_line(self, *, at_end: bool) -> None:
        if self._heading is not None:
            self._spans.append((self._heading, len(self._pieces), BOLD, ""))
            self._heading = None
            self._reset()
        if self._quote is not None and at_end:
            self._spans.append((self._quote, len(self._pieces), QUOTE, ""))
            self._quote = None
            self._reset()

    # Marks

    def _push(self, mark: str, text: str, value: str = "") -> None:
        self._open.append(_Open(mark, len(self._pieces), value))
        self._counts[mark] = self._counts.get(mark, 0) + 1
        self._pieces.append(text)

    def _pop_to(self, mark: str) -> _Open:
        """Remove the innermost open mark of this kind; those inside it have no end and are text."""
        while True:
            found = self._open.pop()
            self._counts[found.mark] -= 1
            if found.mark == mark:
                return found

    def _reset(self) -> None:
        self._open.clear()
        self._counts.clear()

    def _emphasis(self, run: str, at: int) -> None:
        source, end = self._source, at + len(run)
        before = source[at - 1 : at] or " "
        after = source[end : end + 1] or " "
        opens, closes = not after.isspace(), not before.isspace()
        left = run if len(run) <= _MAX_RUN else ""
        while left:
            mark = self._closing(left) if closes else ""
            if mark and not (after.isalnum() and mark in self._dialect.word_marks):
                opened = self._pop_to(mark)
                self._pieces[opened.piece] = ""
                kind = self._dialect.marks[mark]
                self._spans.append((opened.piece, len(self._pieces), kind, ""))
                left = left[len(mark) :]
                continue
            mark = next((left[:n] for n in (2, 1) if left[:n] in self._dialect.marks), "")
            word_bound = mark in self._dialect.word_marks
            if not mark or not opens or (word_bound and before.isalnum()):
                break
            self._push(mark, mark)
            left = left[len(mark) :]
            closes = False
        if left or len(run) > _MAX_RUN:
            self._pieces.append(left or run)

    def _closing(self, run: str) -> str:
        """Return the mark that a run ends: the innermost open one of its character."""
        candidates = [m for m in dict.fromkeys((run[:2], run[:1])) if self._counts.get(m)]
        if len(candidates) < 2:
            return candidates[0] if candidates else ""
        return next(o.mark for o in reversed(self._open) if o.mark in candidates)

    # Code, links and mentions

    def _code(self, at: int, length: int) -> int:
        closing = self._fences.get(at)
        if closing is None:
            self._pieces.append("`" * length)
            return at + length
        content, value = self._source[at + length : closing], ""
        if length >= 3:
            language = _LANGUAGE.match(content)
            if language is not None:
                content, value = content[language.end() :], language[1]
            content = content.removesuffix("\n")
        elif length == 2 and content.startswith(" ") and content.endswith(" "):
            content = content[1:-1]
        self._pieces.append(_UNESCAPE.sub(r"\1", content))
        kind = FENCE if length >= 3 else CODE
        self._spans.append((len(self._pieces) - 1, len(self._pieces), kind, value))
        return closing + length

    def _close_link(self, at: int) -> int:
        match = _DESTINATION.match(self._source, at + 1) if self._counts.get("[") else None
        if match is None:
            self._pieces.append("]")
            return at + 1
        raw = match[1] if match[1] is not None else match[2]
        opened = self._pop_to("[")
        scheme = self._dialect.mention_scheme
        address = _UNESCAPE.sub(r"\1", raw)
        if scheme and raw.startswith(scheme):
            span = (opened.piece, len(self._pieces), MENTION, address)
        elif is_address(address):
            span = (opened.piece, len(self._pieces), LINK, address)
        else:
            self._pieces.append(_UNESCAPE.sub(r"\1", self._source[at : match.end()]))
            return match.end()
        if opened.value:
            # An image is shown as a link to it.
            self._pieces[opened.piece - 1] = self._pieces[opened.piece - 1][:-1]
        self._pieces[opened.piece] = ""
        self._spans.append(span)
        self._open = [one for one in self._open if one.mark != "["]
        self._counts["["] = 0
        return match.end()

    def _special(self, at: int) -> int:
        match = self._dialect.special.match(self._source, at)
        if match is not None:
            groups = match.groupdict()
            label = groups.pop("label", None)
            kind, raw = next((name, text) for name, text in groups.items() if text is not None)
            value = _UNESCAPE.sub(r"\1", raw)
            shown = _UNESCAPE.sub(r"\1", label) if label else shown_text(kind, value)
            if kind != LINK or is_address(value):
                return self._whole(kind, value, shown, match.end())
        match = self._dialect.tags.match(self._source, at)
        if match is not None:
            return self._tag(match)
        match = _AUTOLINK.match(self._source, at)
        if match is not None:
            address = _UNESCAPE.sub(r"\1", match[1])
            return self._whole(LINK, address, address, match.end())
        self._pieces.append(self._source[at])
        return at + 1

    def _whole(self, kind: str, value: str, shown: str, end: int) -> int:
        self._spans.append((len(self._pieces), len(self._pieces) + 1, kind, value))
        self._pieces.append(shown)
        return end

    def _tag(self, match: re.Match[str]) -> int:
        mark = "<" + match[2].lower()
        if not match[1]:
            self._push(mark, match[0], match[0])
        elif self._counts.get(mark):
            opened = self._pop_to(mark)
            self._pieces[opened.piece] = ""
            self._spans.append((opened.piece, len(self._pieces), TAG, opened.value))
        else:
            self._pieces.append(match[0])
        return match.end()


def _closing_runs(source: str) -> dict[int, int]:
    """Return for each run of backticks that opens code the place of the run that closes it."""
    if "`" not in source:
        return {}
    runs = [m.span() for m in _BACKTICKS.finditer(source) if m[0][0] == "`"]
    following: dict[int, int] = {}
    closing: dict[int, int] = {}
    for start, end in reversed(runs):
        length = end - start
        if length in following:
            closing[start] = following[length]
        following[length] = start
    return closing
