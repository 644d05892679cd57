"""Escaping of text for each markup that a channel reads.

Every function takes any text and gives what shows as exactly that text. The sets are those of
the channels' documentation as the service's contract fixes them.
"""

import json
from collections.abc import Callable, Mapping

Escape = Callable[[str], str]
"""Takes a text and returns it as the markup wants it written."""

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
    """The text itself: for places where nothing is markup."""
    return text


def escape_html(text: str) -> str:
    """For HTML text and quoted attributes; a slash stays, so that a URL stays readable."""
    return text.translate(_HTML)


def escape_html_text(text: str) -> str:
    """For a whole plain text in Telegram's HTML mode; the slash becomes an entity, too."""
    return text.translate(_HTML_AND_SLASH)


def escape_markdown_v2(text: str) -> str:
    """For Telegram's MarkdownV2."""
    return text.translate(_MARKDOWN_V2)


def escape_markdown(text: str) -> str:
    """For Telegram's older Markdown mode, which knows no escape for a backslash."""
    return text.translate(_MARKDOWN)


def escape_lark_markdown(text: str) -> str:
    """For the markdown element of a Lark card."""
    return text.translate(_LARK)


def escape_slack(text: str) -> str:
    """For Slack's mrkdwn and plain text: it knows these three entities and no backslash."""
    return text.translate(_SLACK)


def escape_json_string(text: str) -> str:
    """For the inside of a JSON string's quotes."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def telegram_escape(parse_mode: str) -> Escape:
    """The escaping of a whole plain text for one of Telegram's three parse modes."""
    if parse_mode == HTML:
        return escape_html_text
    return escape_markdown if parse_mode == MARKDOWN else escape_markdown_v2


def telegram_parse_mode(content_type: str, configured: str) -> str:
    """The mode that a content needs: HTML for html, a Markdown one for markdown.

    Markdown content for a chat that is configured as HTML is read as MarkdownV2, Telegram's
    default of the two Markdown modes.
    """
    if content_type == "html":
        return HTML
    if content_type == "markdown" and configured == HTML:
        return MARKDOWN_V2
    return configured


def value_escape(content_type: str, *, channel: str, parse_mode: str = MARKDOWN_V2) -> Escape:
    """How a variable's value is escaped before it is put into a template's content.

    `text` values are left alone: the channel escapes the whole result. `markdown` uses the
    channel's own set; a channel without a markdown of its own (webhook) gets values as they
    are, and knows from the content type what it reads. `parse_mode` counts for Telegram only.
    """
    if content_type == "html":
        return escape_html
    if content_type == "json":
        return escape_json_string
    if content_type == "markdown":
        return _markdown_escape(channel, parse_mode)
    return unescaped


def subject_escape(content_type: str, *, channel: str, parse_mode: str = MARKDOWN_V2) -> Escape:
    """As `value_escape`, for the subject: it never stands inside the JSON document."""
    if content_type == "json":
        return unescaped
    return value_escape(content_type, channel=channel, parse_mode=parse_mode)


def _markdown_escape(channel: str, parse_mode: str) -> Escape:
    if channel == "telegram":
        return telegram_escape(telegram_parse_mode("markdown", parse_mode))
    return {"lark": escape_lark_markdown, "slack": escape_slack}.get(channel, unescaped)
