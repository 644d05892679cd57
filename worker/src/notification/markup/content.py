"""A message's subject and content as documents, whatever their type is."""

import re

from notification.errors import ChannelRefusal
from notification.markup.document import Document
from notification.markup.markdown import COMMON, Dialect, read_markdown
from notification.markup.plain_text import clean

# White space, and what Unicode calls default-ignorable (DerivedCoreProperties.txt).
_INVISIBLE = (
    "\\s\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e"
    "\\u2060-\\u206f\\u2800\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufff8"
    "\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff"
)
_VISIBLE = re.compile(f"[^{_INVISIBLE}\\x00-\\x1f\\x7f-\\x9f]")


def is_blank(text: str) -> bool:
    """Say whether a text has no character that anybody would see."""
    return _VISIBLE.search(text) is None


def read_content(text: str, content_type: str, dialect: Dialect = COMMON) -> Document:
    """Read a text of any content type; what is neither markdown nor html is plain."""
    cleaned = clean(text)
    if content_type == "markdown":
        return read_markdown(cleaned, dialect)
    if content_type == "html":
        # Few contents are HTML.
        from notification.markup.html import read_html

        return read_html(cleaned, mention_scheme=dialect.mention_scheme)
    return Document(cleaned)


def read_message(
    subject: str | None, content: str, content_type: str, dialect: Dialect = COMMON
) -> tuple[Document, Document]:
    """Read subject and content.

    Raises:
        ChannelRefusal: the content has nothing to show.
    """
    body = read_content(content, content_type, dialect).trimmed()
    if is_blank(body.text):
        raise ChannelRefusal("INVALID_CONTENT", "The content is blank")
    heading = read_content(subject, content_type, dialect).trimmed() if subject else Document("")
    return heading, body
