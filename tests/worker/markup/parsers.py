"""Small readers of the channels' markup, written from each channel's own documentation.

Each gives the text that a person sees and raises `Malformed` where the channel refuses.
"""

import html
import re
from collections.abc import Iterator

from localcloud.sink.chat.telegram_markup import (
    Malformed,
    read_markdown_v2,
    read_telegram_html,
    read_telegram_markdown,
)

__all__ = [
    "Malformed",
    "read_commonmark",
    "read_discord",
    "read_lark_markdown",
    "read_markdown_v2",
    "read_slack",
    "read_telegram_html",
    "read_telegram_markdown",
    "slack_tokens",
]


def read_lark_markdown(text: str) -> str:
    """Lark's card markdown: emphasis, code, links, mentions, and character references."""
    shown: list[str] = []
    at = 0
    while at < len(text):
        fence = re.compile(r"```[^\n]*\n(.*?)\n```", re.DOTALL).match(text, at)
        link = re.compile(r"\[([^\]]*)\]\(([^)]*)\)").match(text, at)
        reference = re.compile(r"&#[0-9]+;").match(text, at)
        mention = re.compile(r"<at id=([^>]+)></at>").match(text, at)
        if fence is not None:
            shown.append(fence[1])
            at = fence.end()
        elif link is not None:
            shown.append(read_lark_markdown(link[1]))
            at = link.end()
        elif reference is not None:
            shown.append(html.unescape(reference[0]))
            at = reference.end()
        elif mention is not None:
            shown.append(f"@{mention[1]}")
            at = mention.end()
        elif text[at] == "<":
            raise Malformed("a bare angle bracket")
        else:
            if text[at] not in "*_~`":
                shown.append(text[at])
            at += 1
    return "".join(shown)


def read_discord(text: str) -> str:
    """Discord's Markdown: a backslash before punctuation, marks, fences, links, mentions."""
    shown: list[str] = []
    at = 0
    while at < len(text):
        address = re.compile(r"https?://[^\s<>()\[\]*~`|\\]+").match(text, at)
        fence = re.compile(r"```[^\n]*\n(.*?)\n```", re.DOTALL).match(text, at)
        link = re.compile(r"\[((?:\\.|[^\]\\])*)\]\(([^)]*)\)").match(text, at)
        escaped = re.compile(r"\\([^0-9A-Za-z\s])").match(text, at)
        if escaped is not None:
            shown.append(escaped[1])
            at = escaped.end()
        elif address is not None:
            shown.append(address[0])
            at = address.end()
        elif fence is not None:
            shown.append(fence[1])
            at = fence.end()
        elif link is not None:
            shown.append(read_discord(link[1]))
            at = link.end()
        else:
            if text[at] in "<@":
                raise Malformed("a mention")
            if text[at] not in "*_~`|":
                shown.append(text[at])
            at += 1
    return "".join(shown)


def read_commonmark(text: str) -> str:
    """Text of CommonMark without markup: a backslash before punctuation, line breaks, addresses."""
    text = text.replace("  \n", "\n")
    shown, at = [], 0
    while at < len(text):
        address = re.compile(r"<(https?://[^\s<>]+)>|https?://[^\s<>()\[\]*~`|\\]+").match(text, at)
        escaped = re.compile(r"\\([!-/:-@\[-`{-~])").match(text, at)
        if escaped is not None:
            shown.append(escaped[1])
            at = escaped.end()
        elif address is not None:
            shown.append(address[1] or address[0])
            at = address.end()
        else:
            if text[at] in "\\*_~`<>[]":
                raise Malformed("a mark")
            shown.append(text[at])
            at += 1
    return "".join(shown)


def slack_tokens(text: str) -> Iterator[tuple[str, str]]:
    """Pieces of Slack's text: `text`, or `link` for what stands in angle brackets.

    A line that begins with a bare angle bracket is quoted.
    """
    text = re.sub("(?m)^>", "", text)
    for piece in re.split(r"(<[^<>]*>)", text):
        if piece.startswith("<") and piece.endswith(">"):
            yield "link", piece
        elif "<" in piece or ">" in piece:
            raise Malformed("a bare angle bracket")
        else:
            yield "text", piece


def read_slack(text: str) -> str:
    """Slack's text: three entities; `<…|label>` shows its label; an ampersand is an entity's."""
    shown = []
    for kind, piece in slack_tokens(text):
        if kind == "link":
            shown.append(piece[1:-1].rpartition("|")[2])
            continue
        if re.search(r"&(?!(?:amp|lt|gt);)", piece):
            raise Malformed("a bare ampersand")
        shown.append(re.sub("&(?:lt|gt|amp);", lambda entity: html.unescape(entity[0]), piece))
    return "".join(shown)
