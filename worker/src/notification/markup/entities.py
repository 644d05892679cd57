"""Telegram's markup, read as far as cutting needs it: widths, and which entities are open.

A token's width is what it counts towards Telegram's limit, which applies after entity parsing. If
the grammar is ambiguous, the width is rather too large: the result still fits.
Source: Telegram Bot API, "Formatting options".
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from notification.markup.escaping import HTML, MARKDOWN

LINK = "]"
"""Marks an open link: its end can't be written without its address."""


class Token(NamedTuple):
    """A piece of marked-up text.

    Attributes:
        opens: the text that closes the entity that begins here, if one does.
        closes: whether the innermost entity ends here.
    """

    raw: str
    width: int
    opens: str = ""
    closes: bool = False


Tokens = Callable[[str], Iterator[Token]]

_HTML_TOKEN = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*+)[^<>]*+>|&#?[A-Za-z0-9]{1,8};")
_ESCAPED = frozenset("_*[]()~`>#+-=|{}.!\\")
_ESCAPED_IN_MARKDOWN = frozenset("_*`[]")


def html_tokens(text: str) -> Iterator[Token]:
    """Return the tokens of HTML mode; a closing tag that matches no open one has no effect."""
    open_tags: list[str] = []
    at = 0
    for match in _HTML_TOKEN.finditer(text):
        for character in text[at : match.start()]:
            yield Token(character, 1)
        at = match.end()
        name = match[2]
        if name is None:
            yield Token(match[0], 1)
        elif not match[1]:
            open_tags.append(name)
            yield Token(match[0], 0, opens=f"</{name}>")
        else:
            closes = bool(open_tags) and open_tags[-1] == name
            if closes:
                open_tags.pop()
            yield Token(match[0], 0, closes=closes)
    for character in text[at:]:
        yield Token(character, 1)


def markdown_v2_tokens(text: str) -> Iterator[Token]:
    """Return the tokens of MarkdownV2."""
    return _markdown(text, _ESCAPED, ("```", "||", "__", "*", "_", "~", "`"))


def markdown_tokens(text: str) -> Iterator[Token]:
    """Return the tokens of the older Markdown mode, whose entities don't nest."""
    return _markdown(text, _ESCAPED_IN_MARKDOWN, ("```", "*", "_", "`"))


def telegram_tokens(parse_mode: str) -> Tokens:
    """Return the tokenizer of a parse mode."""
    if parse_mode == HTML:
        return html_tokens
    return markdown_tokens if parse_mode == MARKDOWN else markdown_v2_tokens


def _markdown(text: str, escaped: frozenset[str], markers: tuple[str, ...]) -> Iterator[Token]:
    stack: list[str] = []
    at = 0
    while at < len(text):
        token = _markdown_token(text, at, escaped, markers, stack)
        if token.opens:
            stack.append(token.opens)
        elif token.closes:
            stack.pop()
        yield token
        at += len(token.raw)


def _markdown_token(
    text: str, at: int, escaped: frozenset[str], markers: tuple[str, ...], stack: list[str]
) -> Token:
    character = text[at]
    if character == "\\" and text[at + 1 : at + 2] in escaped and at + 1 < len(text):
        return Token(text[at : at + 2], 1)
    innermost = stack[-1] if stack else ""
    if innermost.startswith("`"):
        if text.startswith(innermost, at):
            return Token(innermost, 0, closes=True)
        return Token(character, 1)
    if character == "[":
        return Token(character, 0, opens=LINK) if LINK not in stack else Token(character, 1)
    if character == "]" and innermost == LINK:
        return Token(text[at : _end_of_address(text, at)], 0, closes=True)
    for marker in markers:
        if text.startswith(marker, at):
            if innermost == marker:
                return Token(marker, 0, closes=True)
            return Token(marker, 0, opens=marker) if marker not in stack else Token(marker, 0)
    return Token(character, 1)


def _end_of_address(text: str, at: int) -> int:
    if not text.startswith("](", at):
        return at + 1
    end = at + 2
    while end < len(text) and text[end] != ")":
        end += 2 if text[end] == "\\" else 1
    return min(end + 1, len(text))
