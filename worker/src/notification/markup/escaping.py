"""Escaping of text for each markup that a channel reads.

Every function takes any text and returns a text that is shown as the original. The sets of
characters are those of the channels' documentation, as the service's contract fixes them.
"""

import json
from collections.abc import Callable, Mapping

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
_MARKDOWN = _backslashed("*_`[]")
_LARK = _backslashed("*_`[]()\\")


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


def escape_lark_markdown(text: str) -> str:
    """Escape for the markdown element of a Lark card."""
    return text.translate(_LARK)


def escape_slack(text: str) -> str:
    """Escape for Slack's mrkdwn and plain text, which have three entities and no backslash."""
    return text.translate(_SLACK)


def escape_json_string(text: str) -> str:
    """Escape for the inside of a JSON string's quotes."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def telegram_escape(parse_mode: str) -> Escape:
    """Return the function that escapes a whole plain text for a Telegram parse mode."""
    if parse_mode == HTML:
        return escape_html_text
    return escape_markdown if parse_mode == MARKDOWN else escape_markdown_v2


def telegram_parse_mode(content_type: str, configured: str) -> str:
    """Return the parse mode that a content needs: HTML for html, a Markdown mode for markdown.

    Markdown for a chat that is configured as HTML is read as MarkdownV2, Telegram's default of the
    two Markdown modes.
    """
    if content_type == "html":
        return HTML
    if content_type == "markdown" and configured == HTML:
        return MARKDOWN_V2
    return configured


def value_escape(content_type: str, *, channel: str, parse_mode: str = MARKDOWN_V2) -> Escape:
    """Return the function that escapes a variable's value before it is put into a content.

    Values in `text` stay as they are: the channel escapes the whole result. `markdown` uses the
    channel's own set; a channel without markdown (webhook) gets the values unchanged and reads the
    content type. `parse_mode` matters for Telegram only.
    """
    if content_type == "html":
        return escape_html
    if content_type == "json":
        return escape_json_string
    if content_type == "markdown":
        return _markdown_escape(channel, parse_mode)
    return unescaped


def subject_escape(content_type: str, *, channel: str, parse_mode: str = MARKDOWN_V2) -> Escape:
    """Return the function for a subject: as `value_escape`, but a subject is never inside JSON."""
    if content_type == "json":
        return unescaped
    return value_escape(content_type, channel=channel, parse_mode=parse_mode)


def _markdown_escape(channel: str, parse_mode: str) -> Escape:
    if channel == "telegram":
        return telegram_escape(telegram_parse_mode("markdown", parse_mode))
    return {"lark": escape_lark_markdown, "slack": escape_slack}.get(channel, unescaped)
