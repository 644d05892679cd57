"""Telegram's three parse modes (core.telegram.org/bots/api#formatting-options).

Each reader returns the text that a person sees and raises `Malformed` where Telegram refuses.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable


class Malformed(Exception):
    """Telegram would not parse this."""


_V2_SPECIAL = set("_*[]()~`>#+-=|{}.!")
_V2_MARKERS = ("||", "__", "*", "_", "~")


def read_markdown_v2(text: str) -> str:
    """Telegram MarkdownV2: any ASCII character may be escaped, special ones must be."""
    shown: list[str] = []
    stack: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        marker = next((m for m in _V2_MARKERS if text.startswith(m, at)), None)
        if character == "\\" and at + 1 < len(text) and 0 < ord(text[at + 1]) < 127:
            shown.append(text[at + 1])
            at += 2
        elif character == "`":
            at = _read_code(text, at, shown)
        elif marker is not None:
            _toggle(stack, marker)
            at += len(marker)
        elif character == "[":
            stack.append("[")
            at += 1
        elif character == "]" and stack and stack[-1] == "[":
            stack.pop()
            address = re.compile(r"\]\((?:[^\\)]|\\.)*\)", re.DOTALL).match(text, at)
            if address is None:
                raise Malformed("a link without its address")
            at = address.end()
        elif character in _V2_SPECIAL:
            raise Malformed(f"character {character!r} is reserved and must be escaped")
        else:
            shown.append(character)
            at += 1
    if stack:
        raise Malformed(f"can't find end of the entity {stack[-1]!r}")
    return "".join(shown)


def _read_code(text: str, at: int, shown: list[str]) -> int:
    fence = "```" if text.startswith("```", at) else "`"
    at += len(fence)
    while at < len(text):
        if text.startswith(fence, at):
            return at + len(fence)
        if text[at] == "`":
            raise Malformed("a backtick in code must be escaped")
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
        shown.append(text[at])
        at += 1
    raise Malformed("can't find end of code")


def _toggle(stack: list[str], marker: str) -> None:
    if stack and stack[-1] == marker:
        stack.pop()
    elif marker in stack:
        raise Malformed(f"{marker!r} crosses {stack[-1]!r}")
    else:
        stack.append(marker)


def read_telegram_markdown(text: str) -> str:
    """Telegram's older Markdown: entities don't nest; four characters can be escaped."""
    shown: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character == "\\" and text[at + 1 : at + 2] in set("_*`["):
            shown.append(text[at + 1])
            at += 2
        elif character in "*_`":
            fence = "```" if text.startswith("```", at) else character
            end = text.find(fence, at + len(fence))
            if end < 0:
                raise Malformed(f"can't find end of the entity {fence!r}")
            inside = text[at + len(fence) : end]
            shown.append(inside)
            at = end + len(fence)
        elif character == "[":
            link = re.compile(r"\[([^\]]*)\]\(([^)]*)\)").match(text, at)
            if link is None:
                raise Malformed("can't find end of the link")
            shown.append(link[1])
            at = link.end()
        else:
            shown.append(character)
            at += 1
    return "".join(shown)


_TELEGRAM_TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "del", "a", "code", "pre"} | {
    "tg-spoiler",
    "blockquote",
    "span",
}
_TELEGRAM_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#[0-9]+|#x[0-9a-fA-F]+);")


def read_telegram_html(text: str) -> str:
    """Telegram's HTML: a few tags, four named entities and all numeric ones."""
    shown: list[str] = []
    stack: list[str] = []
    for piece in re.split(r"(<[^>]*>)", text):
        tag = re.fullmatch(r"<(/?)([a-z-]+)(?:\s+[a-z-]+=\"[^\"]*\")*>", piece)
        if tag is None:
            if "<" in piece:
                raise Malformed("unclosed tag")
            shown.append(_telegram_text(piece))
        elif tag[2] not in _TELEGRAM_TAGS:
            raise Malformed(f"unsupported start tag {tag[2]!r}")
        elif not tag[1]:
            stack.append(tag[2])
        elif not stack or stack.pop() != tag[2]:
            raise Malformed(f"unexpected end tag {tag[2]!r}")
    if stack:
        raise Malformed(f"can't find end tag of {stack[-1]!r}")
    return "".join(shown)


def _telegram_text(piece: str) -> str:
    for ampersand in re.finditer("&", piece):
        if _TELEGRAM_ENTITY.match(piece, ampersand.start()) is None:
            raise Malformed("an entity that Telegram doesn't know")
    return _TELEGRAM_ENTITY.sub(lambda entity: html.unescape(entity[0]), piece)


PARSE_MODES: dict[str, Callable[[str], str]] = {
    "markdownv2": read_markdown_v2,
    "markdown": read_telegram_markdown,
    "html": read_telegram_html,
}
"""The readers, by the mode's name in lower case: Telegram doesn't mind its case."""

_ENTITY_STARTS = {
    "markdownv2": re.compile(r"\\.|(```|`|\|\||__|\*|_|~|\]\()", re.DOTALL),
    "markdown": re.compile(r"\\.|(```|`|\*|_|\]\()", re.DOTALL),
    "html": re.compile(r"(<[a-z])"),
}


def count_entities(text: str, mode: str) -> int:
    """Return how many entities a text that parses has.

    Args:
        text: the message's text.
        mode: a key of `PARSE_MODES`.
    """
    marks = [found[1] for found in _ENTITY_STARTS[mode].finditer(text) if found[1]]
    if mode == "html":
        return len(marks)
    links = marks.count("](")
    return links + (len(marks) - links) // 2
