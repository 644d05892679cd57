"""A stored template, as a send needs it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from notification.foreign_json import parse_foreign_json
from notification.ports.database import HomeStatement, Row, Statement
from notification.ttl_cache import TtlCache


class TemplateText(NamedTuple):
    """The texts in a row of `template_contents`."""

    content_type: str
    content: str
    subject: str | None = None


# Options that a template may set over the recipient's configuration.
_OPTIONS = ("parse_mode", "disable_notification", "disable_web_page_preview", "msg_type")

_ACTIVE = """
SELECT template.template_key, template.revision, template.strict, content.channel_type,
  content.content_type, content.subject_template, content.content_template, content.extra_config
FROM notification_templates_v2 AS template
LEFT JOIN template_contents AS content ON content.template_key = template.template_key
WHERE template.template_key = ?1 AND template.is_active = 1
"""


class ChannelTemplate(NamedTuple):
    """One channel's text, and what it sets over the recipient's configuration."""

    text: TemplateText
    options: dict[str, Any]


class StoredTemplate(NamedTuple):
    """An active template.

    Attributes:
        contents: the contents by channel.
        strict: whether a send that lacks a variable is refused.
    """

    key: str
    revision: int
    contents: Mapping[str, ChannelTemplate]
    strict: bool = False


class KnownTemplates(TtlCache[str, StoredTemplate]):
    """Active templates that this isolate has recently read; see `KnownConfigs`."""


def active_template(key: str) -> Statement:
    """Select an active template with all its contents, in one JOIN."""
    return HomeStatement(_ACTIVE, (key,))


def read_template(rows: Sequence[Row]) -> StoredTemplate | None:
    """Read the template in the rows of `active_template`; None if there are none."""
    if not rows:
        return None
    contents = {
        str(row["channel_type"]): ChannelTemplate(
            TemplateText(
                str(row["content_type"]),
                str(row["content_template"]),
                None if row["subject_template"] is None else str(row["subject_template"]),
            ),
            _options(row["extra_config"]),
        )
        for row in rows
        if row["channel_type"] is not None
    }
    first = rows[0]
    return StoredTemplate(
        str(first["template_key"]), int(first["revision"]), contents, bool(first["strict"])
    )


def _options(text: object) -> dict[str, Any]:
    extra = parse_foreign_json(str(text)) if text else {}
    if not isinstance(extra, dict):
        return {}
    return {name: extra[name] for name in _OPTIONS if name in extra}
