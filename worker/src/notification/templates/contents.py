"""A channel's subject and content from its template row."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from notification.foreign_json import ForeignJsonError, parse_foreign_json
from notification.markup.escaping import subject_escape, value_escape
from notification.templates.formatting import MAX_DIGITS, is_count_of_digits
from notification.templates.program import compile_template
from notification.templates.rendering import render, render_sample
from notification.templates.stored_template import TemplateText
from notification.templates.syntax import Structure, read_structure


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
        as_json=kind == "json",
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
    problems = syntax_problems(text)
    if problems:
        return f"Invalid template syntax: {problems[0]}"
    return ""


def syntax_problems(text: TemplateText) -> list[str]:
    """Return everything that is wrong with a row: what it says of a tag, and where."""
    found = []
    for field, source in (("subject", text.subject), ("content", text.content)):
        if source:
            structure = read_structure(source)
            found += [f"{problem} of the {field}" for problem in structure.problems]
            found += [f"{problem} of the {field}" for problem in _wrong_arguments(structure)]
    if not found and text.content_type == "json":
        found += _sample_problems(text.content)
    return found


def _wrong_arguments(structure: Structure) -> Iterator[str]:
    for tag in structure.tags:
        if tag.kind == "number" and tag.arguments and not is_count_of_digits(tag.arguments[0]):
            yield f'"{tag.arguments[0]}" is no number of digits from 0 to {MAX_DIGITS}'
        elif tag.kind == "date" and tag.arguments:
            # Few templates show a time.
            from notification.time_zones import find_zone

            if find_zone(tag.arguments[0]) is None:
                yield f'"{tag.arguments[0]}" is no time zone'


def _sample_problems(source: str) -> list[str]:
    """Render a JSON template with samples; it is wrong if it is no JSON whatever they are."""
    template = compile_template(source)
    problem = ""
    for full in (True, False):
        problem = _json_problem(render_sample(template, full=full))
        if not problem:
            return []
    return [f"{problem} (rendered with samples)"]


def _json_problem(text: str) -> str:
    try:
        parse_foreign_json(text)
    except ForeignJsonError as error:
        return f"The rendered content is not JSON: {error}"
    return ""
