"""Escaping of text for each markup that a channel reads.

Every function takes any text and returns a text that is shown as the original. The sets of
characters are those of the channels' documentation, as the service's contract fixes them.
"""

import json
import re
from collections.abc import Callable, Mapping

from notification.markup.dialect import ESCAPED_AT, NO_MENTION

Escape = Callable[[str], str]
"""A function that escapes a text for a markup."""

MARKDOWN_V2 = "MarkdownV2"
MARKDOWN = "Markdown"
HTML = "HTML"


def _backslashed(characters: str) -> Mapping[int, str]:
    return {ord(character): "\\" + character for character in characters}


_HTML: Mapping[int, str] = {
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord('"'): "&quot;",
    ord("'"): "&#x27;",
}
_HTML_AND_SLASH: Mapping[int, str] = {**_HTML, ord("/"): "&#x2F;"}
_SLACK: Mapping[int, str] = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
_MARKDOWN_V2 = _backslashed("_*[]()~`>#+-=|{}.!\\")
_MARKDOWN = _backslashed("*_`[")


def unescaped(text: str) -> str:
    """Return the text itself, for places without markup."""
    return text


def escape_html(text: str) -> str:
    """Escape for HTML text and quoted attributes; slashes stay, so that URLs stay readable."""
    return text.translate(_HTML)


def escape_html_text(text: str) -> str:
    """Escape a whole plain text for Telegram's HTML mode, slashes included."""
    return text.translate(_HTML_AND_SLASH)


def escape_markdown_v2(text: str) -> str:
    """Escape for Telegram's MarkdownV2."""
    return text.translate(_MARKDOWN_V2)


def escape_markdown(text: str) -> str:
    """Escape for Telegram's older Markdown mode, which has no escape for a backslash."""
    return text.translate(_MARKDOWN)


def escape_slack(text: str) -> str:
    """Escape for Slack's mrkdwn and plain text, which have three entities and no backslash."""
    return text.translate(_SLACK)


def escape_json_string(text: str) -> str:
    """Escape for the inside of a JSON string's quotes."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def value_escape(content_type: str, *, channel: str) -> Escape:
    """Return the function that escapes a variable's value before it is put into a content.

    Values in `text` stay as they are: the channel escapes the whole result. Values in `markdown`
    and `html` are escaped for the reader of documents, which draws them for the channel. A webhook
    gets the source, whose reader is a program: `markdown` has its values unchanged there.
    """
    if content_type == "json":
        return escape_json_string
    if content_type == "html":
        return escape_html if channel == "webhook" else escape_html_value
    if content_type == "markdown" and channel != "webhook":
        return escape_markdown_value
    return without_names if channel == "telegram" else unescaped


def without_names(text: str) -> str:
    """Let no name in a value be found by a channel that looks for them in any text."""
    return _BEFORE_NAME.sub(NO_MENTION, text)


def subject_escape(content_type: str, *, channel: str) -> Escape:
    """Return the function for a subject: as `value_escape`, but a subject is never inside JSON."""
    if content_type == "json":
        return unescaped
    return value_escape(content_type, channel=channel)


_ESCAPED = re.compile(
    r"\A[@!]|[\\`*_~|\[\]()<>&]|(?<![A-Za-z0-9_])@|@(?=[eh]|$)|!$|(?m:^[ \t]*+[#+])"
)
_BEFORE_NAME = re.compile(r"(?<![A-Za-z0-9_])@(?=[A-Za-z0-9_]|$)")
"""Where a name that is mentioned begins: not inside an address of electronic mail."""
_MENTION_SCHEME = re.compile(r"(?:t?g)?:")
"""What may complete `tg:` at the start of a link's address."""


def escape_markdown_value(text: str) -> str:
    """Escape a value, so that every dialect reads it as text, wherever it is put.

    A value can't choose the scheme of a link that mentions somebody (`tg://user?id=1`).
    """
    escaped = _ESCAPED.sub(_with_backslash, text)
    return escaped.replace(":", "\\:", 1) if _MENTION_SCHEME.match(escaped) else escaped


def escape_html_value(text: str) -> str:
    """Escape a value as HTML; see `escape_markdown_value`."""
    escaped = _BEFORE_NAME.sub(ESCAPED_AT, escape_html(text))
    return escaped.replace(":", "&#58;", 1) if _MENTION_SCHEME.match(escaped) else escaped


def _with_backslash(match: re.Match[str]) -> str:
    return match[0][:-1] + "\\" + match[0][-1]
