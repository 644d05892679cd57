"""Telegram's texts: subject and content in one parse mode, cut to Telegram's limit."""

import re
from typing import NamedTuple

from notification.markup.entities import LINK, Tokens, telegram_tokens
from notification.markup.escaping import HTML, MARKDOWN, telegram_escape, telegram_parse_mode
from notification.markup.plain_text import ELLIPSIS, cut, pieces

MAX_TEXT = 4096
"""Code points of a message after entity parsing (Telegram Bot API, sendMessage)."""
MAX_SUBJECT = 200
MAX_MESSAGES = 3
"""Messages that one notification becomes if long texts are split."""
_GAP = "\n\n"
_ROOM = 2
"""Room that is kept when markup is cut: for the ellipsis and for separators between markers."""
_MARKDOWN_SPECIAL = re.compile(r"([*_`\[\]]+)")
_SEPARATOR = "\u200b"


class TelegramTexts(NamedTuple):
    """One text per message, their parse mode, and whether the end was cut off."""

    texts: tuple[str, ...]
    parse_mode: str
    truncated: bool


class _Place(NamedTuple):
    """A place where markup can be cut: what closes before it and opens again behind it."""

    offset: int
    closers: tuple[str, ...]
    openers: tuple[str, ...]


def telegram_texts(
    *,
    subject: str | None,
    content: str,
    content_type: str,
    parse_mode: str,
    split: bool = False,
    limit: int = MAX_TEXT,
) -> TelegramTexts:
    """Return the texts for `sendMessage`.

    html and markdown keep their markup; anything else is plain text and is escaped here.

    Args:
        subject: the subject, if there is one.
        content: the content.
        content_type: text, html, markdown or json.
        parse_mode: the configured mode; the result has the one that the content needs.
        split: whether a long text becomes up to three messages instead of being cut.
        limit: code points after entity parsing, the subject included.
    """
    mode = telegram_parse_mode(content_type, parse_mode)
    count = MAX_MESSAGES if split else 1
    heading_limit = min(MAX_SUBJECT, limit // 2)
    if content_type in ("html", "markdown"):
        tokens = telegram_tokens(mode)
        (heading,), shortened = _marked_pieces(subject or "", tokens, limit=heading_limit, count=1)
        marked = _marked_heading(heading, mode) + content
        texts, truncated = _marked_pieces(marked, tokens, limit=limit, count=count)
    else:
        heading, shortened = cut(subject or "", heading_limit)
        texts, truncated = _plain_texts(heading, content, mode, limit=limit, count=count)
    return TelegramTexts(tuple(texts), mode, truncated or shortened)


def _marked_heading(heading: str, mode: str) -> str:
    """Return a subject with markup in bold; the older Markdown reads no escape inside bold."""
    if not heading:
        return ""
    return {HTML: f"<b>{heading}</b>", MARKDOWN: heading}.get(mode, f"*{heading}*") + _GAP


def _plain_heading(heading: str, mode: str) -> str:
    """Return a plain subject in bold; the older Markdown closes bold around escaped characters."""
    if not heading:
        return ""
    escape = telegram_escape(mode)
    if mode == MARKDOWN:
        runs = _MARKDOWN_SPECIAL.split(heading)
        # Text and separators alternate, beginning with text.
        bold = (escape(run) if index % 2 else f"*{run}*" for index, run in enumerate(runs) if run)
        return "".join(bold) + _GAP
    return _marked_heading(escape(heading), mode)


def _plain_texts(
    heading: str, content: str, mode: str, *, limit: int, count: int
) -> tuple[list[str], bool]:
    escape = telegram_escape(mode)
    written = _plain_heading(heading, mode)
    room = limit - (len(heading) + len(_GAP) if heading else 0)
    if count == 1:
        body = cut(content, room)
        return [written + escape(body.text)], body.truncated
    first, *_ = pieces(content, limit=room, count=2)[0] or [""]
    rest = content[len(first) :].lstrip()
    others, truncated = pieces(rest, limit=limit, count=count - 1) if rest else ([], False)
    return [written + escape(first), *(escape(other) for other in others)], truncated


def _marked_pieces(text: str, tokens: Tokens, *, limit: int, count: int) -> tuple[list[str], bool]:
    found: list[str] = []
    rest = text
    while True:
        place = _place(rest, tokens, limit)
        if place is None:
            return [*found, rest], False
        opened = _joined(*place.openers)
        last = len(found) == count - 1 or place.offset <= len(opened)
        mark = ELLIPSIS if last else ""
        found.append(_joined(rest[: place.offset] + mark, *place.closers))
        if last:
            return found, True
        rest = _joined(opened, rest[place.offset :])


def _place(text: str, tokens: Tokens, limit: int) -> _Place | None:
    """Return the place to cut, or None if the whole text fits."""
    if len(text) <= limit:
        return None
    closers: tuple[str, ...] = ()
    openers: tuple[str, ...] = ()
    place = _Place(0, (), ())
    offset = width = 0
    for token in tokens(text):
        offset += len(token.raw)
        width += token.width
        if width > limit:
            return place
        if token.opens:
            closers, openers = (token.opens, *closers), (*openers, token.raw)
        elif token.closes:
            closers, openers = closers[1:], openers[:-1]
        if width <= limit - _ROOM and LINK not in closers:
            place = _Place(offset, closers, openers)
    return None


def _joined(*pieces: str) -> str:
    """Join the pieces; `_` and `__` side by side would always be read as `__` and `_`."""
    written = ""
    for piece in pieces:
        if written.endswith("_") and piece.startswith("_"):
            written += _SEPARATOR
        written += piece
    return written
