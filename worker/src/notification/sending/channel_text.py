"""The text that each channel carries."""

from typing import Any, NamedTuple

from notification.channels.channel import base_channel
from notification.errors import ServiceError
from notification.markup.plain_text import is_blank
from notification.sending.command import SendCommand
from notification.templates.stored_template import StoredTemplate

BLANK = "The rendered content is blank"


class ChannelText(NamedTuple):
    """A rendered text. If it has an `error` (with a `code`), it can't be sent."""

    subject: str | None
    content: str | None
    content_type: str
    options: dict[str, Any]
    error: str = ""
    code: str = ""
    truncated: bool = False
    missing: tuple[str, ...] = ()


def write_texts(
    command: SendCommand,
    template: StoredTemplate | None,
) -> dict[str, ChannelText]:
    """Return each channel's text: the custom content, or the template's content for the channel.

    One channel's content never stands in for another's.

    Raises:
        ServiceError: INVALID_VARIABLES if a strict template lacks some, INVALID_CONTENT if nothing
            but blank texts would be sent.
    """
    if command.content is not None or template is None:
        return {c: _without_null(_custom(command, c)) for c in command.channels}
    texts = {c: _without_null(_rendered(command, template, c)) for c in command.channels}
    missing = dict.fromkeys(name for text in texts.values() for name in text.missing)
    if template.strict and missing:
        raise ServiceError(
            "INVALID_VARIABLES",
            f"Template {template.key} is strict, and variables lacks: {', '.join(missing)}",
        )
    if all(text.error == BLANK for text in texts.values()):
        raise ServiceError("INVALID_CONTENT", BLANK)
    return texts


def _without_null(text: ChannelText) -> ChannelText:
    """Leave out U+0000: no channel shows it, and SQLite ends a text there that it reads from JSON.

    What is stored, and sent by a retry, is then what the first attempt sends.
    """
    subject, content = text.subject or "", text.content or ""
    if "\0" not in subject and "\0" not in content:
        return text
    return text._replace(
        subject=text.subject and subject.replace("\0", ""),
        content=text.content and content.replace("\0", ""),
    )


def _custom(command: SendCommand, channel: str) -> ChannelText:
    subject, content, kind = command.subject, command.content or "", command.content_type
    if kind == "markdown" and base_channel(channel) == "webhook":
        # Imported when the service itself writes a message; a webhook gets it as plain text.
        from notification.markup.markdown import read_markdown

        content, kind = read_markdown(content).flattened(), "text"
        subject = None if subject is None else read_markdown(subject).text
    return ChannelText(subject, content, kind, {})


def _rendered(command: SendCommand, template: StoredTemplate, channel: str) -> ChannelText:
    base = base_channel(channel)
    content = template.contents.get(channel) or template.contents.get(base)
    if content is None:
        return ChannelText(
            None,
            None,
            "text",
            {},
            f"Template {template.key} has no content for channel {channel}",
            "TEMPLATE_CONTENT_NOT_FOUND",
        )
    # Imported when a template is first used.
    from notification.templates.contents import render_contents

    rendered = render_contents(content.text, command.variables or {}, channel=base)
    problem = BLANK if is_blank(rendered.content) else rendered.problem
    return ChannelText(
        rendered.subject,
        rendered.content,
        content.text.content_type,
        content.options,
        problem,
        "INVALID_CONTENT" if problem else "",
        rendered.truncated,
        rendered.missing_variables,
    )
