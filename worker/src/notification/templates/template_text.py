"""One channel's text of a template, as it is stored."""

from typing import NamedTuple


class TemplateText(NamedTuple):
    """What a row of `template_contents` says."""

    content_type: str
    content: str
    subject: str | None = None
