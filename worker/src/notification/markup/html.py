"""HTML, read into a document: what chats can show of it, and the text of everything else."""

import re
from typing import NamedTuple

from notification.markup.dialect import COMMON, ESCAPED_AT, Dialect
from notification.markup.document import (
    BOLD,
    CODE,
    FENCE,
    ITALIC,
    LINK,
    MENTION,
    QUOTE,
    SPOILER,
    STRIKE,
    UNDERLINE,
    Document,
    Span,
    is_address,
    spans_in_order,
)
from notification.markup.html_entities import without_entities

_MAX_NESTING = 16
_KINDS = {
    "b": BOLD,
    "strong": BOLD,
    "h1": BOLD,
    "h2": BOLD,
    "h3": BOLD,
    "h4": BOLD,
    "h5": BOLD,
    "h6": BOLD,
    "th": BOLD,
    "i": ITALIC,
    "em": ITALIC,
    "u": UNDERLINE,
    "ins": UNDERLINE,
    "s": STRIKE,
    "strike": STRIKE,
    "del": STRIKE,
    "tg-spoiler": SPOILER,
    "code": CODE,
    "pre": FENCE,
    "blockquote": QUOTE,
    "a": LINK,
}
_BLOCKS = frozenset(
    (
        *("h1", "h2", "h3", "h4", "h5", "h6"),
        *("blockquote", "div", "li", "ol", "p", "section", "table", "tr", "ul"),
    )
)
_HIDDEN = frozenset(("script", "style", "head", "title", "template"))
_TAG = re.compile(r"<!--[^<>]*+>|<(/?)([A-Za-z][A-Za-z0-9-]{0,30}+)((?:\s[^<>]*+)?)/?>")
_NAME = re.compile(
    r"""([A-Za-z-]{1,30}+)\s*+=\s*+(?:"([^"<>]{0,2048}+)"|'([^'<>]{0,2048}+)'|([^\s"'<>]++))"""
)


class _Open(NamedTuple):
    name: str
    start: int
    kind: str
    value: str


def read_html(source: str, dialect: Dialect = COMMON) -> Document:
    """Read any text, in time linear in its length; tags that say nothing to a chat are left out.

    Line breaks are kept as they are written, as Telegram does.

    Args:
        source: the HTML.
        dialect: the channel's; it says what mentions a person.
    """
    return _Reader(dialect).read(source)


class _Reader:
    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._pieces: list[str] = []
        self._length = 0
        self._last = ""
        self._open: list[_Open] = []
        self._spans: list[Span] = []
        self._hidden = ""
        self._break_due = False

    def read(self, source: str) -> Document:
        at = 0
        for match in _tags(source):
            self._text(source[at : match.start()])
            at = match.end()
            if match[2] is not None:
                self._tag(match[2].lower(), bool(match[1]), match[3])
        self._text(source[at:])
        while self._open:
            self._end(self._open.pop())
        # An inner span ends first.
        return Document("".join(self._pieces), spans_in_order(reversed(self._spans)))

    def _text(self, raw: str) -> None:
        if not raw or self._hidden:
            return
        text = without_entities(self._escaped_ats(raw) if ESCAPED_AT in raw else raw)
        if self._break_due and text.strip(" \t\r") and self._last:
            if not text.startswith("\n") and self._last != "\n":
                self._write("\n")
            self._break_due = False
        self._write(text)

    def _escaped_ats(self, raw: str) -> str:
        first, *others = raw.split(ESCAPED_AT)
        return first + "".join(self._dialect.escaped("@", part[:1]) + part for part in others)

    def _write(self, text: str) -> None:
        if text:
            self._pieces.append(text)
            self._length += len(text)
            self._last = text[-1]

    def _tag(self, name: str, closing: bool, attributes: str) -> None:
        if self._hidden:
            if closing and name == self._hidden:
                self._hidden = ""
        elif name in _HIDDEN:
            self._hidden = "" if closing else name
        elif name == "br":
            self._write("\n")
        else:
            if name in _BLOCKS:
                self._break_due = self._break_due or self._last not in ("", "\n")
            if closing:
                self._close(name)
            elif name == "li":
                self._text("• ")
            elif name in _KINDS or name == "span":
                self._begin(name, attributes)

    def _begin(self, name: str, attributes: str) -> None:
        if len(self._open) >= _MAX_NESTING:
            return
        found = (
            {
                m[1].lower(): next(v for v in m.groups()[1:] if v is not None)
                for m in _NAME.finditer(attributes)
            }
            if attributes
            else {}
        )
        kind, value = _KINDS.get(name, ""), ""
        if name == "a":
            raw = found.get("href", "")
            value = without_entities(raw)
            scheme = self._dialect.mention_scheme
            if scheme and raw.startswith(scheme):
                kind = MENTION
            elif not is_address(value):
                kind = ""
        elif name == "span":
            kind = SPOILER if found.get("class") == "tg-spoiler" else ""
        elif name == "code" and self._open and self._open[-1].kind == FENCE:
            language = found.get("class", "").removeprefix("language-")[:30]
            self._open[-1] = self._open[-1]._replace(value=language)
            kind = ""
        if any(kind == one.kind for one in self._open):
            kind = ""
        if self._break_due and self._last not in ("", "\n"):
            self._write("\n")
            self._break_due = False
        self._open.append(_Open(name, self._length, kind, value))

    def _close(self, name: str) -> None:
        if not any(one.name == name for one in self._open):
            return
        while self._open:
            opened = self._open.pop()
            self._end(opened)
            if opened.name == name:
                return

    def _end(self, opened: _Open) -> None:
        if opened.kind and opened.start < self._length:
            self._spans.append(Span(opened.start, self._length, opened.kind, opened.value))


def _tags(source: str) -> list[re.Match[str]]:
    return list(_TAG.finditer(source)) if "<" in source else []
