"""A message's subject and content as documents, whatever their type is."""

from notification.errors import ChannelRefusal
from notification.markup.dialect import COMMON, Dialect
from notification.markup.document import Document
from notification.markup.markdown import read_markdown
from notification.markup.plain_text import clean, is_blank


def read_content(text: str, content_type: str, dialect: Dialect = COMMON) -> Document:
    """Read a text of any content type; what is neither markdown nor html is plain."""
    cleaned = clean(text)
    if content_type == "markdown":
        return read_markdown(cleaned, dialect)
    if content_type == "html":
        # Few contents are HTML.
        from notification.markup.html import read_html

        return read_html(cleaned, dialect)
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
