"""Lark's texts: a card's markdown, and the elements of a post.

Source: open.larksuite.com and open.feishu.cn, "Rich text (Markdown)" of cards, with its table of
special characters (HTML character references), and "Use bots in groups" (text, post, mentions).
"""

import re
from typing import Any

from notification.markup.dialect import Dialect
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
    TAG,
    Document,
    Marks,
    Span,
    draw,
)

_AT = re.compile(r"<\s*+(?:/\s*+)?at", re.IGNORECASE)
"""What Lark might read as a mention."""

DIALECT = Dialect(
    {"**": BOLD, "__": BOLD, "*": ITALIC, "_": ITALIC, "~~": STRIKE, "~": STRIKE},
    special=re.compile(
        r"<at\s{1,3}(?:id|user_id|open_id)\s?=\s?[\"']?"
        r"(?:(?P<broadcast>[Aa][Ll][Ll])|(?P<mention>(?:\\.|[^\"'<>\s\\]){1,200}+))[\"']?\s{0,3}"
        r"(?:/>|>(?:(?P<label>(?:\\.|[^<>\n\\]){0,200}+)</at>)?)"
    ),
    tags=re.compile(
        r"<(/?)(font|text_tag)(?: color=(?:'[A-Za-z0-9_-]{1,40}'|\"[A-Za-z0-9_-]{1,40}\"))?>"
    ),
)
"""The markdown of Lark's cards."""

_MARKS = {BOLD: "**", ITALIC: "*", STRIKE: "~~", CODE: "`"}
_SPECIAL = re.compile(r"[\\`*_~\[\]()<>&$]|(?m:^[ \t]*+[#+!-])")


def escape_lark_markdown(text: str) -> str:
    """Escape for a card's markdown: a backslash would be shown."""
    return _SPECIAL.sub(lambda match: match[0][:-1] + f"&#{ord(match[0][-1])};", text)


def lark_markdown(document: Document, *, broadcast: bool = False) -> str:
    """Write a document as a card's markdown; `broadcast` lets `<at id=all>` mention everybody."""
    return draw(
        document,
        lambda document, span: _marking(document, span, broadcast),
        lambda text, verbatim: text if verbatim else escape_lark_markdown(text),
    )


def _marking(document: Document, span: Span, broadcast: bool) -> Marks | None:
    text = document.text[span.start : span.end]
    if span.kind == BROADCAST:
        return Marks(instead="<at id=all></at>") if broadcast else None
    if span.kind == MENTION:
        return Marks(instead=f"<at id={span.value}></at>")
    if span.kind == LINK:
        address = span.value.replace("(", "%28").replace(")", "%29").replace("<", "%3C")
        return Marks("[", f"]({address})")
    if span.kind == TAG:
        return Marks(span.value, f"</{span.value[1:].partition(' ')[0].rstrip('>')}>")
    if span.kind == FENCE:
        if "```" in text or _AT.search(text):
            return None
        return Marks(f"```{span.value}\n", "\n```")
    if span.kind == QUOTE:
        return Marks("> ", "", "> ")
    mark = _MARKS.get(span.kind)
    if mark is None or text[0].isspace() or text[-1].isspace():
        return None
    if span.kind == CODE and ("`" in text or "\n" in text or _AT.search(text)):
        return None
    return Marks(mark, mark)


def reads_mention(document: Document) -> bool:
    """Say whether Lark would read a mention in a `text` message, or ought to."""
    mentions = any(span.kind in (MENTION, BROADCAST) for span in document.spans)
    return mentions or _AT.search(document.text) is not None


def lark_post(document: Document, *, broadcast: bool = False) -> list[list[dict[str, Any]]]:
    """Write a document as a post's paragraphs, whose elements are literal."""
    mentions = [
        span
        for span in document.spans
        if span.kind == MENTION or (span.kind == BROADCAST and broadcast)
    ]
    paragraphs: list[list[dict[str, Any]]] = [[]]
    at = 0
    for span in mentions:
        _append_text(paragraphs, document.part(at, span.start).flattened())
        user = "all" if span.kind == BROADCAST else span.value
        paragraphs[-1].append({"tag": "at", "user_id": user})
        at = span.end
    _append_text(paragraphs, document.part(at, len(document.text)).flattened())
    return paragraphs


def _append_text(paragraphs: list[list[dict[str, Any]]], text: str) -> None:
    for number, line in enumerate(text.split("\n")):
        if number:
            paragraphs.append([])
        if line:
            paragraphs[-1].append({"tag": "text", "text": line})
