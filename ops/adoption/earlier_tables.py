"""How the rows of an earlier service's tables become rows of this one's.

The earlier schema: the same table names, times as ``YYYY-MM-DD HH:MM:SS`` in UTC, configurations
in clear text, small row ids, no leases, attempts or revisions. Columns that an installation lacks
are taken as null. The SQL runs inside the database, page by page.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from infra.migrations.schema import EARLIER_PREFIX

Column = Callable[[str], str]
"""Gives a column of the earlier row in SQL: itself, or NULL where the table lacks it."""

_EPOCH_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z: row ids of notifications count from there (sql/migrations/0001)."""
_HAS_TEMPLATE = "EXISTS (SELECT 1 FROM notification_templates_v2 AS t WHERE t.template_key = {})"
_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
_TOMORROW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 day')"


@dataclass(frozen=True)
class EarlierTable:
    """One table of the earlier service.

    Attributes:
        name: its name, in both schemas.
        values: this schema's columns, each with the SQL that makes it from an earlier row.
        fits: SQL that tells whether this schema can hold the row; others stay where they are.
        conflict: what happens where there is such a row already: the ``ON CONFLICT`` clause.
        represented: SQL that tells whether an earlier row has its row in this schema.
    """

    name: str
    values: Callable[[Column], dict[str, str]]
    fits: Callable[[Column], str]
    conflict: str
    represented: str

    @property
    def earlier(self) -> str:
        """The name under which the earlier rows wait."""
        return EARLIER_PREFIX + self.name

    def copy(self, columns: Collection[str]) -> str:
        """Return the statement that takes the next rows over.

        Parameters: ?1 the earlier rowid after which they begin, ?2 how many of them.
        """
        column = _reader(columns)
        values = self.values(column)
        return (
            f"INSERT INTO {self.name} ({', '.join(values)}) "  # noqa: S608 - constant names
            f"SELECT {', '.join(values.values())} FROM ("
            f"SELECT rowid AS earlier_id, * FROM {self.earlier} WHERE rowid > CAST(?1 AS INTEGER) "
            f"ORDER BY rowid LIMIT CAST(?2 AS INTEGER)) AS e "
            f"WHERE {self.fits(column)} ON CONFLICT {self.conflict}"
        )

    def left(self) -> str:
        """Return the statement that counts the earlier rows which have no row in this schema."""
        return (
            f"SELECT COUNT(*) AS rows_left FROM {self.earlier} AS e "  # noqa: S608 - constant names
            f"WHERE NOT EXISTS (SELECT 1 FROM {self.name} AS n WHERE {self.represented})"
        )


def _reader(columns: Collection[str]) -> Column:
    def read(name: str) -> str:
        return f"e.{name}" if name in columns else "NULL"

    return read


def _time(value: str, *, otherwise: str = _NOW) -> str:
    """Return a time in this schema's form; what is no time becomes ``otherwise``."""
    return f"COALESCE(strftime('%Y-%m-%dT%H:%M:%fZ', {value}), {otherwise})"


def _flag(value: str) -> str:
    return f"CASE WHEN {value} IS NULL OR {value} <> 0 THEN 1 ELSE 0 END"


def _one_of(value: str, allowed: Collection[str], otherwise: str) -> str:
    texts = ", ".join(f"'{text}'" for text in allowed)
    return f"CASE WHEN {value} IN ({texts}) THEN {value} ELSE '{otherwise}' END"


def _json(value: str) -> str:
    return f"CASE WHEN json_valid({value}) THEN {value} END"


def _is_name(value: str, most: int) -> str:
    return f"length({value}) BETWEEN 1 AND {most}"


def _configs(c: Column) -> dict[str, str]:
    return {
        "id": c("id"),
        "user_id": c("user_id"),
        "channel_type": c("channel_type"),
        # Clear text stays readable; the service's rotation task seals it with today's key.
        "config_data": c("config_data"),
        "is_active": _flag(c("is_active")),
        "created_at": _time(c("created_at")),
        "updated_at": _time(c("updated_at")),
    }


def _templates(c: Column) -> dict[str, str]:
    return {
        "template_key": c("template_key"),
        "template_name": f"COALESCE(NULLIF({c('template_name')}, ''), {c('template_key')})",
        "description": c("description"),
        "variables": f"COALESCE({_json(c('variables'))}, '[]')",
        "is_active": _flag(c("is_active")),
        "created_at": _time(c("created_at")),
        "updated_at": _time(c("updated_at")),
    }


def _contents(c: Column) -> dict[str, str]:
    return {
        "template_key": c("template_key"),
        "channel_type": c("channel_type"),
        "content_type": _one_of(c("content_type"), ("text", "html", "markdown", "json"), "text"),
        "subject_template": c("subject_template"),
        "content_template": c("content_template"),
        "extra_config": _json(c("extra_config")),
        "created_at": _time(c("created_at")),
        "updated_at": _time(c("updated_at")),
    }


def message_id(c: Column) -> str:
    """Return the message id, marked where it would have to name its row and can't."""
    return (
        f"CASE WHEN substr({c('message_id')}, 1, 4) = 'ntf_' "
        f"THEN '{EARLIER_PREFIX}' || {c('message_id')} ELSE {c('message_id')} END"
    )


def _row_id(c: Column) -> str:
    """Return a row id in order of time: milliseconds, then the earlier id's lowest 12 bits."""
    created = f"COALESCE(strftime('%s', {c('created_at')}), strftime('%s', 'now'))"
    return f"(CAST({created} AS INTEGER) * 1000 - {_EPOCH_MS}) * 4096 + {c('id')} % 4096"


def _logs(c: Column) -> dict[str, str]:
    status = _one_of(
        c("status"), ("pending", "sent", "failed", "retry", "cancelled"), otherwise="failed"
    )
    created = _time(c("created_at"))
    return {
        "id": _row_id(c),
        "message_id": message_id(c),
        "user_id": c("user_id"),
        "channel_type": c("channel_type"),
        "template_key": c("template_key"),
        "subject": c("subject"),
        "content": c("content"),
        "status": status,
        "sent_at": (
            f"CASE WHEN {c('status')} = 'sent' THEN {_time(c('sent_at'), otherwise=created)} END"
        ),
        "error": c("error"),
        "retry_count": f"MAX(0, COALESCE({c('retry_count')}, 0))",
        # A retry that was under way is due at once: the queue's message for it is gone.
        "next_retry_at": f"CASE WHEN {c('status')} = 'retry' THEN {_NOW} END",
        "expires_at": f"CASE WHEN {c('status')} = 'retry' THEN {_TOMORROW} END",
        "request_id": c("request_id"),
        "variables": _json(c("variables")),
        "created_at": created,
        "updated_at": created,
    }


def _settings(c: Column) -> dict[str, str]:
    return {
        "config_key": c("config_key"),
        "config_value": c("config_value"),
        "description": c("description"),
        "created_at": _time(c("created_at")),
        "updated_at": _time(c("updated_at")),
    }


def _keys(c: Column) -> dict[str, str]:
    return {
        "user_id": c("user_id"),
        "idempotency_key": c("idempotency_key"),
        "message_ids": c("message_ids"),
        "expires_at": _time(c("expires_at")),
        "created_at": _time(c("created_at")),
    }


def _records(c: Column) -> dict[str, str]:
    return {
        "id": c("id"),
        "task_name": c("task_name"),
        "execution_time": _time(c("execution_time")),
        "status": _one_of(c("status"), ("completed", "failed"), otherwise="failed"),
        "error": c("error"),
        "duration_ms": f"CASE WHEN {c('duration_ms')} >= 0 THEN {c('duration_ms')} END",
        "created_at": _time(c("created_at")),
    }


def _updates(*names: str) -> str:
    return "DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in names)


EARLIER_TABLES = (
    EarlierTable(
        "user_configs",
        _configs,
        lambda c: f"{_is_name(c('user_id'), 100)} AND {_is_name(c('channel_type'), 32)}",
        "DO NOTHING",
        "n.user_id = e.user_id AND n.channel_type = e.channel_type",
    ),
    EarlierTable(
        "notification_templates_v2",
        _templates,
        lambda c: _is_name(c("template_key"), 100),
        # The service's default templates are there already; the installation's own win.
        f"(template_key) {_updates('template_name', 'description', 'variables', 'is_active')}",
        "n.template_key = e.template_key",
    ),
    EarlierTable(
        "template_contents",
        _contents,
        lambda c: (
            f"{_is_name(c('channel_type'), 32)} AND {c('content_template')} IS NOT NULL AND "
            f"{_HAS_TEMPLATE.format(c('template_key'))}"
        ),
        "(template_key, channel_type) "
        + _updates("content_type", "subject_template", "content_template", "extra_config"),
        "n.template_key = e.template_key AND n.channel_type = e.channel_type",
    ),
    EarlierTable(
        "notification_logs",
        _logs,
        lambda c: f"{_is_name(c('user_id'), 100)} AND {_is_name(c('channel_type'), 32)}",
        "DO NOTHING",
        f"n.message_id = {message_id(lambda name: f'e.{name}')}",
    ),
    EarlierTable(
        "system_configs",
        _settings,
        lambda c: f"{c('config_key')} IS NOT NULL",
        f"(config_key) {_updates('config_value', 'description')}",
        "n.config_key = e.config_key",
    ),
    EarlierTable(
        "idempotency_keys",
        _keys,
        lambda c: f"{_is_name(c('idempotency_key'), 255)} AND json_valid({c('message_ids')})",
        "DO NOTHING",
        "n.user_id = e.user_id AND n.idempotency_key = e.idempotency_key",
    ),
    EarlierTable(
        "task_execution_records",
        _records,
        lambda c: _is_name(c("task_name"), 64),
        "DO NOTHING",
        "n.id = e.id",
    ),
)
"""In the order in which they are taken over: templates before their contents."""
