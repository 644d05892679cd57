"""A channel's subject and content from its template row."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from notification.foreign_json import ForeignJsonError, parse_foreign_json
from notification.markup.escaping import subject_escape, value_escape
from notification.templates.program import compile_template
from notification.templates.rendering import render
from notification.templates.stored_template import TemplateText
from notification.templates.syntax import read_structure


class RenderedContents(NamedTuple):
    """Subject and content with their values.

    Attributes:
        missing_variables: the paths without a value, those of the subject first, each once.
        truncated: whether a limit cut something off.
        problem: why the content can't be sent (json content that is not JSON); empty if it can.
    """

    subject: str | None
    content: str
    missing_variables: tuple[str, ...]
    truncated: bool
    problem: str


def render_contents(
    text: TemplateText, variables: Mapping[str, Any], *, channel: str
) -> RenderedContents:
    """Render a row for a channel."""
    kind = text.content_type
    content = render(
        compile_template(text.content),
        variables,
        value_escape(kind, channel=channel),
    )
    missing, truncated = content.missing, content.truncated
    subject = None
    if text.subject is not None:
        escape = subject_escape(kind, channel=channel)
        rendered = render(compile_template(text.subject), variables, escape)
        subject = rendered.text
        missing = tuple(dict.fromkeys(rendered.missing + missing))
        truncated = truncated or rendered.truncated
    problem = _json_problem(content.text) if kind == "json" else ""
    return RenderedContents(subject, content.text, missing, truncated, problem)


def syntax_problem(text: TemplateText) -> str:
    """Return why a row must not be saved, with field, line and column; empty if it may be."""
    for field, source in (("subject", text.subject), ("content", text.content)):
        problems = read_structure(source).problems if source else ()
        if problems:
            return f"Invalid template syntax: {problems[0]} of the {field}"
    return ""


def _json_problem(text: str) -> str:
    try:
        parse_foreign_json(text)
    except ForeignJsonError as error:
        return f"The rendered content is not JSON: {error}"
    return ""
