"""A template as callers write it, checked."""

import json
import re
from collections.abc import Collection
from typing import Any, NamedTuple

from notification.errors import ServiceError
from notification.storage.template_rows import ContentRow
from notification.templates.contents import syntax_problem
from notification.templates.stored_template import TemplateText

RESERVED_CHANNELS = ("email", "sms")
"""Channels that templates may have contents for, although nothing is sent over them."""

CONTENT_FIELDS = frozenset(
    (
        *("content_template", "content_type", "subject_template", "extra_config"),
        # An answer may be sent back as it is.
        *("id", "template_key", "channel_type", "created_at", "updated_at"),
    )
)
"""The fields of one channel's content that are taken."""

_KEY = re.compile(r"[A-Za-z0-9_-]+")
_CONTENT_TYPES = ("text", "html", "markdown", "json")
_MAX_CONTENT = 100_000
_MAX_NAME = 200
_MAX_DESCRIPTION = 1_000


class TemplateDocument(NamedTuple):
    """What a save changes; None keeps the stored value."""

    name: str | None
    description: str | None
    variables: list[str] | None
    is_active: bool
    strict: bool | None
    contents: list[ContentRow]


def _wrong(text: str) -> ServiceError:
    return ServiceError("VALIDATION_ERROR", text)


def check_key(key: Any) -> str:
    """Check a template's key.

    Raises:
        ServiceError: MISSING_PARAMETER or INVALID_TEMPLATE_KEY.
    """
    if not isinstance(key, str) or not key:
        raise ServiceError("MISSING_PARAMETER", "Template key is required")
    if _KEY.fullmatch(key) is None:
        raise ServiceError(
            "INVALID_TEMPLATE_KEY",
            "Template key must contain only alphanumeric characters, underscores, and hyphens",
        )
    if len(key) > 100:
        raise ServiceError("INVALID_TEMPLATE_KEY", "Template key must not exceed 100 characters")
    return key


def read_template_document(
    body: dict[str, Any], known_channels: Collection[str]
) -> TemplateDocument:
    """Read the document in a request's body.

    Contents may come in two forms: `contents` by channel, or `channels` as a list.

    Raises:
        ServiceError: the first mistake.
    """
    is_active = body.get("is_active", True)
    if not isinstance(is_active, bool):
        raise _wrong("is_active must be a boolean")
    strict = body.get("strict")
    if strict is not None and not isinstance(strict, bool):
        raise _wrong("strict must be a boolean")
    return TemplateDocument(
        strict=strict,
        name=_text(body.get("template_name", body.get("name")), "template_name", _MAX_NAME),
        description=_text(body.get("description"), "description", _MAX_DESCRIPTION),
        variables=_variables(body.get("variables")),
        is_active=is_active,
        contents=[
            read_content(channel, content, known_channels)
            for channel, content in _listed(body).items()
        ],
    )


def check_channel(channel: object, known_channels: Collection[str]) -> None:
    """Refuse a channel that no template can have a content for.

    Raises:
        ServiceError: INVALID_CHANNEL_TYPE, with the channels.
    """
    is_text = isinstance(channel, str)
    if not is_text or (channel not in known_channels and channel not in RESERVED_CHANNELS):
        valid = ", ".join((*known_channels, *RESERVED_CHANNELS))
        raise ServiceError(
            "INVALID_CHANNEL_TYPE",
            f"Invalid channel: {str(channel)[:100]}. Valid channels are: {valid}",
        )


def read_content(channel: str, content: Any, known_channels: Collection[str]) -> ContentRow:
    """Read one channel's content.

    Raises:
        ServiceError: the first mistake.
    """
    check_channel(channel, known_channels)
    if not isinstance(content, dict):
        raise _wrong(f"Content of {channel} must be an object")
    text, kind = content.get("content_template"), content.get("content_type", "text")
    if isinstance(text, dict | list):
        text, kind = json.dumps(text, ensure_ascii=False), "json"
    if not isinstance(text, str) or not text:
        raise _wrong(f"content_template is required for channel {channel}")
    if len(text) > _MAX_CONTENT:
        raise _wrong(f"content_template must not exceed {_MAX_CONTENT} characters")
    if kind not in _CONTENT_TYPES:
        raise _wrong(f"content_type must be one of: {', '.join(_CONTENT_TYPES)}")
    subject = _text(content.get("subject_template"), "subject_template", _MAX_DESCRIPTION)
    extra = content.get("extra_config")
    if extra is not None and not isinstance(extra, dict):
        raise _wrong("extra_config must be an object")
    problem = syntax_problem(TemplateText(kind, text, subject))
    if problem:
        raise _wrong(problem)
    return ContentRow(channel, kind, subject, text, extra)


def _text(value: Any, name: str, maximum: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise _wrong(f"{name} must be a string")
    if len(value) > maximum:
        raise _wrong(f"{name} must not exceed {maximum} characters")
    return value or None


def _variables(value: Any) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong("Variables must be an array")
    return value


def _listed(body: dict[str, Any]) -> dict[str, Any]:
    contents = body.get("contents")
    channels = body.get("channels")
    if contents is None and isinstance(channels, list):
        contents = {}
        for item in channels:
            name = item.get("channel_type", item.get("type")) if isinstance(item, dict) else None
            if not isinstance(name, str):
                raise _wrong("Each of channels must have a channel_type")
            contents[name] = item
    if contents is None:
        return {}
    if not isinstance(contents, dict):
        raise _wrong("Contents must be an object")
    return contents
