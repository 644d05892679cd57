"""The SQL of templates and their contents."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from notification.ports.database import Database, Row, Statement, Value
from notification.storage.capped_count import capped_count

_TEMPLATE = (
    "template_key, template_name, description, variables, is_active, strict, created_at, updated_at"
)
_CONTENT = (
    "id, template_key, channel_type, content_type, subject_template, content_template,"
    " extra_config, created_at, updated_at"
)
_FIND = f"SELECT {_TEMPLATE} FROM notification_templates_v2 WHERE template_key = ?1"  # noqa: S608 - constant columns
_CONTENTS = f"SELECT {_CONTENT} FROM template_contents WHERE template_key = ?1 ORDER BY id"  # noqa: S608 - constant columns
MAX_LISTED = 1_000_000
"""Code points of the contents that a list looks at: those of 200 templates may fill the memory."""
_LISTED = _CONTENT.replace(
    "content_template,",
    "CASE WHEN SUM(length(content_template)) OVER (ORDER BY length(content_template), id)"
    f" <= {MAX_LISTED} THEN content_template END AS content_template,",
)
_HAS_CONTENT = "template_key IN (SELECT template_key FROM template_contents WHERE channel_type"
_SAVE = """
INSERT INTO notification_templates_v2
  (template_key, template_name, description, variables, is_active, created_at, updated_at, strict)
VALUES (?1, COALESCE(?2, ?1), ?3, COALESCE(?4, '[]'), ?5, ?6, ?6, COALESCE(?7, 0))
ON CONFLICT (template_key) DO UPDATE SET
  template_name = COALESCE(?2, template_name), description = COALESCE(?3, description),
  variables = COALESCE(?4, variables), is_active = ?5, revision = revision + 1, updated_at = ?6,
  strict = COALESCE(?7, strict)
"""
_SAVE_CONTENT = """
INSERT INTO template_contents
  (template_key, channel_type, content_type, subject_template, content_template, extra_config,
   created_at, updated_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7
WHERE EXISTS (SELECT 1 FROM notification_templates_v2 WHERE template_key = ?1)
ON CONFLICT (template_key, channel_type) DO UPDATE SET
  content_type = excluded.content_type, subject_template = excluded.subject_template,
  content_template = excluded.content_template, extra_config = excluded.extra_config,
  updated_at = excluded.updated_at
"""
_TOUCH = """
UPDATE notification_templates_v2 SET revision = revision + 1, updated_at = ?2
WHERE template_key = ?1
"""
_SWITCH_OFF = """
UPDATE notification_templates_v2 SET is_active = 0, revision = revision + 1, updated_at = ?2
WHERE template_key = ?1 AND is_active = 1
"""


class ContentRow(NamedTuple):
    """One channel's content as it is stored."""

    channel: str
    content_type: str
    subject: str | None
    content: str
    extra_config: dict[str, Any] | None

    def statement(self, key: str, now: str) -> Statement:
        """Write the content, provided that the template exists."""
        extra = None if self.extra_config is None else json.dumps(self.extra_config)
        return Statement(
            _SAVE_CONTENT,
            (key, self.channel, self.content_type, self.subject, self.content, extra, now),
        )


class TemplatePage(NamedTuple):
    """A page of templates, how many there are in all, and the page's contents.

    Of many long contents the shortest ones are read; the others have no `content_template`.
    """

    rows: Sequence[Row]
    total: int
    contents: Sequence[Row]


class TemplateRows:
    """Reads and writes templates; every save is one batch."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key: str) -> tuple[Row, list[Row]] | None:
        """Return the template, active or not, and its contents."""
        template, contents = await self._database.batch(
            [Statement(_FIND, (key,)), Statement(_CONTENTS, (key,))]
        )
        return None if template.row is None else (template.row, contents.rows)

    async def list(
        self, *, is_active: bool | None, channel: str | None, limit: int, offset: int
    ) -> TemplatePage:
        """Return one page in order of keys; `channels` is a JSON array.

        Counting stops one above `MAX_COUNTED`.
        """
        conditions, parameters = [], list[Value]()
        if is_active is not None:
            parameters.append(int(is_active))
            conditions.append(f"is_active = ?{len(parameters)}")
        if channel is not None:
            parameters.append(channel)
            conditions.append(f"{_HAS_CONTENT} = ?{len(parameters)})")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        page = (
            f"SELECT {_TEMPLATE}, (SELECT json_group_array(channel_type) FROM template_contents"  # noqa: S608 - built from constants, values are bound
            f" AS content WHERE content.template_key = template.template_key) AS channels"
            f" FROM notification_templates_v2 AS template {where} ORDER BY template_key"
            f" LIMIT ?{len(parameters) + 1} OFFSET ?{len(parameters) + 2}"
        )
        count = capped_count(f"FROM notification_templates_v2 {where}")
        keys = (
            f"SELECT template_key FROM notification_templates_v2 {where} ORDER BY template_key"  # noqa: S608 - built from constants, values are bound
            f" LIMIT ?{len(parameters) + 1} OFFSET ?{len(parameters) + 2}"
        )
        contents = (
            f"SELECT {_LISTED} FROM template_contents"  # noqa: S608 - built from constants, values are bound
            f" WHERE template_key IN ({keys}) ORDER BY id"
        )
        rows, total, listed = await self._database.batch(
            [
                Statement(page, (*parameters, limit, offset)),
                Statement(count, tuple(parameters)),
                Statement(contents, (*parameters, limit, offset)),
            ]
        )
        return TemplatePage(rows.rows, total.sum("total"), listed.rows)

    async def save(
        self,
        key: str,
        *,
        name: str | None,
        description: str | None,
        variables: Sequence[str] | None,
        is_active: bool,
        strict: bool | None,
        contents: Sequence[ContentRow],
        now: str,
    ) -> None:
        """Create or change a template; None, and channels that aren't listed, keep their values."""
        listed = None if variables is None else json.dumps(list(variables), ensure_ascii=False)
        flag = None if strict is None else int(strict)
        save = Statement(_SAVE, (key, name, description, listed, int(is_active), now, flag))
        await self._database.batch([save, *(content.statement(key, now) for content in contents)])

    async def save_content(self, key: str, content: ContentRow, now: str) -> bool:
        """Create or replace one channel's content; return False if there is no such template."""
        touched, _ = await self._database.batch(
            [Statement(_TOUCH, (key, now)), content.statement(key, now)]
        )
        return touched.changes > 0

    async def delete_content(self, key: str, channel: str, now: str) -> bool:
        """Delete one channel's content; return whether there was one."""
        delete = "DELETE FROM template_contents WHERE template_key = ?1 AND channel_type = ?2"
        deleted, _ = await self._database.batch(
            [Statement(delete, (key, channel)), Statement(_TOUCH, (key, now))]
        )
        return deleted.changes > 0

    async def switch_off(self, key: str, now: str) -> bool:
        """Deactivate a template and keep its contents; return False if none was active."""
        [result] = await self._database.batch([Statement(_SWITCH_OFF, (key, now))])
        return result.changes > 0
