"""What the service keeps, as frozen dataclasses, each with `read`, which takes a `Fields`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NotRequired, Self, TypedDict

from notification_sdk._reading import Fields

ContentType = Literal["text", "html", "markdown", "json"]


class TemplateText(TypedDict):
    """One channel's content of a template, as it is saved."""

    content_template: str | Mapping[str, Any]
    content_type: NotRequired[ContentType]
    subject_template: NotRequired[str | None]
    extra_config: NotRequired[Mapping[str, Any] | None]


@dataclass(frozen=True, kw_only=True)
class ChannelConfig:
    """Where a user is reached on one channel. Secrets in ``config`` are masked.

    ``config`` is ``None`` where the stored one can't be read, and ``error`` says so.
    """

    id: int
    user_id: str
    channel: str
    config: Mapping[str, Any] | None
    is_active: bool
    created_at: datetime
    updated_at: datetime
    error: str | None = None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read one configuration."""
        return cls(
            id=fields.whole("id"),
            user_id=fields.text("user_id"),
            channel=fields.text("channel_type"),
            config=fields.mapping_or_none("config_data"),
            is_active=fields.flag("is_active"),
            created_at=fields.time("created_at"),
            updated_at=fields.time("updated_at"),
            error=fields.text_or_none("config_error"),
        )


@dataclass(frozen=True, kw_only=True)
class TemplateContent:
    """One channel's content of a stored template."""

    channel: str
    content_type: str
    subject_template: str | None
    content_template: str
    extra_config: Mapping[str, Any] | None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read one content."""
        return cls(
            channel=fields.text("channel_type"),
            content_type=fields.text("content_type"),
            subject_template=fields.text_or_none("subject_template"),
            content_template=fields.text("content_template"),
            extra_config=fields.mapping_or_none("extra_config"),
        )


@dataclass(frozen=True, kw_only=True)
class Template:
    """A stored template. ``contents`` is empty in lists, where ``channels`` names them."""

    key: str
    name: str
    description: str | None
    variables: tuple[str, ...]
    is_active: bool
    created_at: datetime
    updated_at: datetime
    channels: tuple[str, ...] = ()
    contents: tuple[TemplateContent, ...] = ()

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read one template, alone or of a list."""
        listed = fields.get("contents") is not None
        contents = tuple(map(TemplateContent.read, fields.items("contents"))) if listed else ()
        return cls(
            key=fields.text("template_key"),
            name=fields.text("template_name"),
            description=fields.text_or_none("description"),
            variables=fields.texts("variables"),
            is_active=fields.flag("is_active"),
            created_at=fields.time("created_at"),
            updated_at=fields.time("updated_at"),
            channels=(
                tuple(content.channel for content in contents)
                if listed
                else fields.texts("supported_channels")
            ),
            contents=contents,
        )


@dataclass(frozen=True, kw_only=True)
class TemplatePreview:
    """What a template would send on one channel; ``error`` where it couldn't."""

    subject: str | None
    content: str
    content_type: str
    missing_variables: tuple[str, ...]
    error: str | None = None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read one channel's preview."""
        return cls(
            subject=fields.text_or_none("subject"),
            content=fields.text("content"),
            content_type=fields.text("content_type"),
            missing_variables=fields.texts("missing_variables"),
            error=fields.text_or_none("error"),
        )


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt to deliver a notification."""

    at: datetime
    status_code: int | None
    duration_ms: int
    code: str | None = None
    error: str | None = None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read one attempt."""
        return cls(
            at=fields.time("at"),
            status_code=fields.whole_or_none("status_code"),
            duration_ms=fields.whole("duration_ms"),
            code=fields.text_or_none("code"),
            error=fields.text_or_none("error"),
        )


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """An accepted notification and what became of it.

    ``document`` is the service's row as it came, with fields that this class doesn't name.
    """

    id: int
    message_id: str
    user_id: str
    channel: str
    status: str
    template_key: str | None
    subject: str | None
    content: str | None
    error: str | None
    retry_count: int
    request_id: str | None
    created_at: datetime
    sent_at: datetime | None
    next_retry_at: datetime | None
    attempts: tuple[Attempt, ...]
    variables: Mapping[str, Any] | None
    metadata: Mapping[str, Any] | None
    document: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read one row."""
        return cls(
            id=fields.whole("id"),
            message_id=fields.text("message_id"),
            user_id=fields.text("user_id"),
            channel=fields.text("channel_type"),
            status=fields.text("status"),
            template_key=fields.text_or_none("template_key"),
            subject=fields.text_or_none("subject"),
            content=fields.text_or_none("content"),
            error=fields.text_or_none("error"),
            retry_count=fields.whole("retry_count"),
            request_id=fields.text_or_none("request_id"),
            created_at=fields.time("created_at"),
            sent_at=fields.time_or_none("sent_at"),
            next_retry_at=fields.time_or_none("next_retry_at"),
            attempts=(
                tuple(map(Attempt.read, fields.items("attempts"))) if fields.get("attempts") else ()
            ),
            variables=fields.mapping_or_none("variables"),
            metadata=fields.mapping_or_none("metadata"),
            document=fields.document,
        )


@dataclass(frozen=True, kw_only=True)
class LogPage:
    """A page of notifications, newest first.

    Attributes:
        total: how many there are in all; where ``total_capped``, at least so many.
        has_more: whether a page follows.
        searched_from: where older notifications weren't looked at, the time to pass as
            ``end_date`` to go on.
    """

    logs: tuple[LogEntry, ...]
    total: int
    limit: int
    offset: int
    has_more: bool
    total_capped: bool = False
    searched_from: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Redriven:
    """What a call of `client.retry.redrive` did.

    Attributes:
        queued: how many notifications were queued again.
        matched: how many failed ones the filter found.
        skipped: why the others were left alone: a number by reason.
        next: the cursor for the rest; ``None`` where nothing is left.
    """

    queued: int
    matched: int
    skipped: Mapping[str, int]
    next: int | None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the answer's data."""
        return cls(
            queued=fields.whole("queued"),
            matched=fields.whole("matched"),
            skipped={each.text("reason"): each.whole("count") for each in fields.items("skipped")},
            next=fields.whole_or_none("next"),
        )


@dataclass(frozen=True, kw_only=True)
class Health:
    """The service's state. ``document`` is the whole answer."""

    healthy: bool
    version: str
    environment: str
    database: str
    cache: str
    queues: str
    document: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the answer to ``GET /health``."""
        return cls(
            healthy=fields.text("status") == "healthy",
            version=fields.text("version"),
            environment=fields.text("environment"),
            database=fields.text("database"),
            cache=fields.text("cache"),
            queues=fields.text("queues"),
            document=fields.document,
        )
