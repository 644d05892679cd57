"""What other people's parsers see in the texts that channels are sent.

Telegram's is TDLib, which Telegram's own Bot API server is built on. Slack's and Discord's are
parsers of their users, made after the apps' own. Lark documents Markdown with HTML's character
references, which CommonMark's parser reads; it sees the marks within a line.
"""

from __future__ import annotations

import html
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import tdjson
from markdown_it import MarkdownIt

PARSERS = Path(__file__).with_suffix(".mjs")
ROOT = Path(__file__).parents[3]
_PARSE_MODES = {
    "MarkdownV2": {"@type": "textParseModeMarkdown", "version": 2},
    "Markdown": {"@type": "textParseModeMarkdown", "version": 1},
    "HTML": {"@type": "textParseModeHTML"},
}
_MENTIONS = ("textEntityTypeMention", "textEntityTypeMentionName")


class Refused(Exception):
    """The channel's parser doesn't take the text."""


class Seen(NamedTuple):
    """What a person sees of a text: itself, whom it mentions, and the kinds of its marks."""

    text: str
    mentions: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


# It tells each request otherwise.
tdjson.td_execute(json.dumps({"@type": "setLogVerbosityLevel", "new_verbosity_level": 0}).encode())


def tdlib(request: dict[str, Any]) -> dict[str, Any]:
    """Ask TDLib what it answers without a network."""
    answer = tdjson.td_execute(json.dumps(request).encode())
    assert answer is not None
    document: dict[str, Any] = json.loads(answer)
    return document


def see_telegram(text: str, parse_mode: str) -> Seen:
    """Read a text as Telegram does.

    Raises:
        Refused: it isn't well-formed in this mode.
    """
    mode = _PARSE_MODES[parse_mode]
    parsed = tdlib({"@type": "parseTextEntities", "text": text, "parse_mode": mode})
    if parsed["@type"] == "error":
        raise Refused(parsed["message"])
    kinds = tuple(entity["type"]["@type"] for entity in parsed["entities"])
    # The server also finds names in what is no markup.
    found = tdlib({"@type": "getTextEntities", "text": parsed["text"]})["entities"]
    named = tuple(e["type"]["@type"] for e in found)
    mentions = tuple(kind for kind in (*kinds, *named) if kind in _MENTIONS)
    return Seen(parsed["text"], mentions, kinds)


class _NodeParsers:
    """One process for all texts: each costs a line."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(PARSERS)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def see(self, channel: str, text: str) -> Seen:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"channel": channel, "text": text}) + "\n")
        self._process.stdin.flush()
        seen = json.loads(self._process.stdout.readline())
        return Seen(seen["text"], tuple(seen["mentions"]), tuple(seen["marks"]))


@cache
def _node() -> _NodeParsers:
    return _NodeParsers()


def see_slack(text: str) -> Seen:
    """Read a text as Slack's users' parser does, and then its three entities."""
    seen = _node().see("slack", text)
    return seen._replace(text=html.unescape(seen.text))


def see_discord(text: str) -> Seen:
    """Read a text as Discord's users' parser does."""
    return _node().see("discord", text)


@cache
def _commonmark() -> MarkdownIt:
    return MarkdownIt("commonmark")


def see_commonmark(text: str) -> Seen:
    """Read the marks within lines; a tag of HTML is taken for a mention."""
    [inline] = _commonmark().parseInline(text)
    shown, mentions, marks = "", [], []
    for token in inline.children or []:
        if token.type in ("text", "text_special", "code_inline"):
            shown += token.content
        elif token.type in ("softbreak", "hardbreak"):
            shown += "\n"
        if token.type == "html_inline":
            mentions.append(token.content)
        elif token.nesting == 1 or token.type == "code_inline":
            marks.append(token.type)
    return Seen(shown, tuple(mentions), tuple(marks))
