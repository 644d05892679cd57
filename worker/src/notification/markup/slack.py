"""Slack's texts: a heading and sections, each within its limit.

Source: docs.slack.dev, "Formatting message text", "Blocks" and "chat.postMessage".
"""

import re
from typing import NamedTuple

from notification.markup.content import read_message
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
    Document,
    Marks,
    Span,
    draw,
    joined,
    within_lines,
)
from notification.markup.escaping import escape_slack
from notification.markup.splitting import Fits, cut_document, split_document

MAX_TEXT = 40_000
MAX_HEADER = 150
MAX_SECTION = 3_000
MAX_BLOCKS = 50
"""Slack's limits, in characters as sent."""

_IN_LINE = frozenset((BOLD, ITALIC, STRIKE, LINK))
"""Kinds that Slack reads within one line."""
_MARKS = {BOLD: "*", ITALIC: "_", STRIKE: "~", CODE: "`"}

DIALECT = Dialect(
    {"**": BOLD, "*": BOLD, "__": BOLD, "_": ITALIC, "~~": STRIKE, "~": STRIKE},
    word_marks=frozenset("*_~"),
    special=re.compile(
        r"<(?:(?P<broadcast>!(?:channel|here|everyone))"
        r"|(?P<mention>[@#][^|<>\s]{1,80}+|!(?:subteam|date)\^[^|<>\n]{1,300}+)"
        r"|(?P<link>(?:https?:|mailto:)(?:\\.|[^|<>\s\\]){1,2048}+))"
        r"(?:\|(?P<label>(?:\\.|[^|<>\n\\]){0,500}+))?>"
    ),
)
"""Slack's mrkdwn, with `**` as in other chats."""


class SlackTexts(NamedTuple):
    """A message in Slack's form.

    Attributes:
        heading: the subject as plain text, at most a header's length.
        text: the content, at most a message's length.
        sections: the content in pieces that each fit a section.
        plain: subject and content without markup, at most a message's length.
        marked: whether `text` and `sections` are mrkdwn; else they are plain text.
        truncated: whether something was cut off.
    """

    heading: str
    text: str
    sections: tuple[str, ...]
    plain: str
    marked: bool
    truncated: bool


def slack_texts(
    *, subject: str | None, content: str, content_type: str, broadcast: bool = False
) -> SlackTexts:
    """Return a message's texts, escaped.

    Slack has no escape for `*`, `_`, `~` and backtick, so plain text goes where markup is off.

    Args:
        subject: the subject, if there is one.
        content: the content.
        content_type: text, html, markdown or json.
        broadcast: whether a template's `<!channel>` mentions everybody; else it is text.

    Raises:
        ChannelRefusal: the content has nothing to show.
    """
    heading, body = read_message(subject, content, content_type, DIALECT)
    body = within_lines(body, _IN_LINE)

    def written(document: Document) -> str:
        return draw(document, marking, _escape)

    def marking(document: Document, span: Span) -> Marks | None:
        return _marking(document, span, broadcast)

    def fitting(limit: int) -> Fits:
        return lambda part: len(written(part)) <= limit

    headings = cut_document(Document(heading.flattened()), fitting(MAX_HEADER), longest=MAX_HEADER)
    whole = cut_document(body, fitting(MAX_TEXT), longest=MAX_TEXT)
    sections = split_document(
        joined(whole.documents), fitting(MAX_SECTION), longest=MAX_SECTION, count=MAX_BLOCKS - 2
    )
    return SlackTexts(
        "".join(written(part) for part in headings.documents),
        "".join(written(part) for part in whole.documents),
        tuple(written(section) for section in sections.documents),
        _plain(heading, body),
        content_type in ("markdown", "html"),
        headings.truncated or whole.truncated,
    )


def _plain(heading: Document, body: Document) -> str:
    parts = [Document(part.flattened()) for part in (heading, body) if part.text]
    whole = cut_document(
        joined(parts, "\n\n"),
        lambda part: len(escape_slack(part.text)) <= MAX_TEXT,
        longest=MAX_TEXT,
    )
    return "".join(escape_slack(part.text) for part in whole.documents)


def _escape(text: str, verbatim: str) -> str:
    return escape_slack(text)


def _marking(document: Document, span: Span, broadcast: bool) -> Marks | None:
    text = document.text[span.start : span.end]
    if span.kind == BROADCAST:
        return Marks(instead=f"<{span.value}>") if broadcast else None
    if span.kind == MENTION:
        unlabelled = (span.value, "@" + span.value.removeprefix("!"))
        label = "" if text in unlabelled else f"|{escape_slack(text)}"
        return Marks(instead=f"<{span.value}{label}>")
    if span.kind == LINK:
        address = span.value.replace("|", "%7C").replace(">", "%3E").replace("<", "%3C")
        return Marks(f"<{address.replace('&', '&amp;')}|", ">")
    if span.kind == FENCE:
        return None if "```" in text else Marks("```\n", "\n```")
    if span.kind == QUOTE:
        return Marks(">", "", ">")
    mark = _MARKS.get(span.kind)
    if mark is None or not _is_read(document.text, span, mark):
        return None
    return Marks(mark, mark)


def _is_read(text: str, span: Span, mark: str) -> bool:
    """Say whether Slack reads marks here: within a line, at the ends of words."""
    inside = text[span.start : span.end]
    before, after = text[span.start - 1 : span.start], text[span.end : span.end + 1]
    return not (
        mark in inside
        or "\n" in inside
        or inside[0].isspace()
        or inside[-1].isspace()
        or before.isalnum()
        or after.isalnum()
    )
