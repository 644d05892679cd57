"""Telegram's texts: subject and content in one parse mode, in as many messages as they need.

Source: Telegram Bot API, "Formatting options" and sendMessage.
"""

import re
from typing import NamedTuple

from notification.markup.content import read_message
from notification.markup.dialect import Dialect
from notification.markup.document import (
    BOLD,
    CODE,
    FENCE,
    ITALIC,
    LINK,
    MENTION,
    QUOTE,
    SPOILER,
    STRIKE,
    UNDERLINE,
    Document,
    Marks,
    Span,
    draw,
    joined,
)
from notification.markup.escaping import (
    HTML,
    MARKDOWN,
    MARKDOWN_V2,
    escape_html,
    escape_html_text,
    escape_markdown,
    escape_markdown_v2,
    without_names,
)
from notification.markup.splitting import Parts, cut_document, split_document, utf16_units

MAX_TEXT = 4096
"""UTF-16 code units of a message after entity parsing (Bot API, sendMessage)."""
MAX_ENTITIES = 100
"""Entities of a message; Telegram ignores or refuses further ones (measured, not documented)."""
MAX_ADDRESSES = 8_000
"""Bytes of all links' addresses in a message. Telegram refuses a message whose entities are too
large together and documents no number: this is a margin of our own."""
MAX_SUBJECT = 200
MAX_MESSAGES = 3
"""Messages that one notification becomes."""
_GAP = "\n\n"

DIALECT = Dialect(
    {
        "**": BOLD,
        "*": BOLD,
        "__": UNDERLINE,
        "_": ITALIC,
        "~~": STRIKE,
        "~": STRIKE,
        "||": SPOILER,
    },
    mention_scheme="tg://",
    finds_names=True,
)
"""MarkdownV2, and `**` and `~~` as in other chats."""

_TAGS = {
    BOLD: ("<b>", "</b>"),
    ITALIC: ("<i>", "</i>"),
    UNDERLINE: ("<u>", "</u>"),
    STRIKE: ("<s>", "</s>"),
    SPOILER: ("<tg-spoiler>", "</tg-spoiler>"),
    CODE: ("<code>", "</code>"),
    QUOTE: ("<blockquote>", "</blockquote>"),
}
_MARKDOWN_SPECIAL = re.compile(r"([*_`\[]+)")


class TelegramTexts(NamedTuple):
    """The texts of the messages, and what is sent in place of one that Telegram can't parse.

    Attributes:
        texts: one for each message.
        plain: the same texts without markup.
        parse_mode: how `texts` are written.
        truncated: whether the end was cut off.
    """

    texts: tuple[str, ...]
    plain: tuple[str, ...]
    parse_mode: str
    truncated: bool


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

    Plain text is written in the configured mode. What has markup is written as HTML, whatever mode
    is configured: its escapes are whole and its tags nest.

    Args:
        subject: the subject, if there is one.
        content: the content.
        content_type: text, html, markdown or json.
        parse_mode: the configured mode.
        split: whether a long text becomes up to three messages instead of being cut.
        limit: UTF-16 code units after entity parsing, the subject included.

    Raises:
        ChannelRefusal: the content has nothing to show.
    """
    marked = content_type in ("html", "markdown")
    mode = HTML if marked else parse_mode
    if content_type == "json":
        # Its values can't be told from the template.
        content = without_names(content)
    heading, body = read_message(subject, content, content_type, DIALECT)
    heading_limit = min(MAX_SUBJECT, limit // 2)
    headings = cut_document(
        heading, lambda d: utf16_units(d.text) <= heading_limit, longest=heading_limit
    )
    head = joined(headings.documents)
    whole = joined([head.styled(BOLD), body], _GAP) if head.text else body
    parts = _parts(whole, split=split, limit=limit)
    return TelegramTexts(
        tuple(_written(part, mode, marked) for part in parts.documents),
        tuple(_plain(part, limit) for part in parts.documents),
        mode,
        headings.truncated or parts.truncated,
    )


def _parts(document: Document, *, split: bool, limit: int) -> Parts:
    """Split by length if that is wanted; too many entities always start the next message."""

    def fits_in_length(part: Document) -> bool:
        return utf16_units(part.text) <= limit

    def fits(part: Document) -> bool:
        addresses = sum(len(s.value.encode()) for s in part.spans if s.kind in (LINK, MENTION))
        return (
            len(part.spans) <= MAX_ENTITIES and addresses <= MAX_ADDRESSES and fits_in_length(part)
        )

    truncated = False
    if not split:
        cut = cut_document(document, fits_in_length, longest=limit)
        document, truncated = joined(cut.documents), cut.truncated
    parts = split_document(
        document, fits, longest=limit, count=MAX_MESSAGES, fits_last=fits_in_length
    )
    documents = tuple(part if fits(part) else Document(part.text) for part in parts.documents)
    return Parts(documents, truncated or parts.truncated)


def _written(document: Document, mode: str, marked: bool) -> str:
    if mode == MARKDOWN_V2:
        return draw(document, _starred, lambda text, _: escape_markdown_v2(text))
    if mode == MARKDOWN:
        return _older_markdown(document)
    escape = escape_html if marked else escape_html_text
    return draw(document, _tagged, lambda text, _: escape(text))


def _tagged(document: Document, span: Span) -> Marks | None:
    if span.kind == FENCE:
        if span.value:
            language = escape_html(span.value)
            return Marks(f'<pre><code class="language-{language}">', "</code></pre>")
        return Marks("<pre>", "</pre>")
    if span.kind in (LINK, MENTION):
        return Marks(f'<a href="{escape_html(span.value)}">', "</a>")
    tags = _TAGS.get(span.kind)
    return Marks(*tags) if tags else None


def _starred(document: Document, span: Span) -> Marks | None:
    return Marks("*", "*") if span.kind == BOLD else None


def _older_markdown(document: Document) -> str:
    """Write a bold heading and plain text: bold closes around characters that need an escape."""
    text = document.text
    bold = document.spans[0].end if document.spans else 0
    # Text and separators alternate, beginning with text.
    runs = enumerate(_MARKDOWN_SPECIAL.split(text[:bold]))
    heading = "".join(
        escape_markdown(run) if index % 2 or run.isspace() or run.endswith("\\") else f"*{run}*"
        for index, run in runs
        if run
    )
    return heading + escape_markdown(text[bold:])


def _plain(document: Document, limit: int) -> str:
    flat = Document(document.flattened())
    fitting = cut_document(flat, lambda part: utf16_units(part.text) <= limit, longest=limit)
    return joined(fitting.documents).text
