"""The batch that accepts a send: idempotency record and pending rows, all or nothing."""

from collections.abc import Sequence
from typing import NamedTuple

from notification.compact_json import compact_json
from notification.ports.database import Database, Row, Statement, Value
from notification.timestamps import iso

# The inputs are unchanged: configurations as [id, revision], template as [key, revision]. And
# nothing stands before the channels (each with its base) that are to be attempted at once.
_GUARD = """
(SELECT COUNT(*) FROM json_each(?1, '$.configs') AS read JOIN user_configs AS config
   ON config.id = json_extract(read.value, '$[0]')
  AND config.revision = json_extract(read.value, '$[1]') AND config.is_active = 1)
 = json_array_length(?1, '$.configs')
AND (json_type(?1, '$.template') = 'null' OR EXISTS (
  SELECT 1 FROM notification_templates_v2
  WHERE template_key = json_extract(?1, '$.template[0]')
    AND revision = json_extract(?1, '$.template[1]') AND is_active = 1))
AND NOT EXISTS (
  SELECT 1 FROM json_each(?1, '$.free') AS free JOIN channel_holds AS hold
    ON hold.channel_type IN (json_extract(free.value, '$[0]'), json_extract(free.value, '$[1]'))
   AND hold.user_id IN ('', json_extract(?1, '$.user'))
   AND hold.held_until > json_extract(?1, '$.now'))
AND NOT EXISTS (
  SELECT 1 FROM json_each(?1, '$.free') AS free JOIN user_configs AS config
    ON config.user_id = json_extract(?1, '$.user')
   AND config.channel_type = json_extract(free.value, '$[0]')
  JOIN endpoint_lines AS line
    ON line.endpoint = COALESCE(config.endpoint, config.user_id || ' ' || config.channel_type)
   AND line.next_slot > json_extract(?1, '$.now_ms'))
"""

_RESERVE = f"""
INSERT INTO idempotency_keys
  (user_id, idempotency_key, message_ids, request_hash, status, lease_until, expires_at, created_at)
SELECT ?2, ?3, ?4, ?5, 'in_progress', ?6, ?7, ?8 WHERE {_GUARD}
ON CONFLICT (user_id, idempotency_key) DO UPDATE SET
  message_ids = excluded.message_ids, request_hash = excluded.request_hash,
  status = excluded.status, lease_until = excluded.lease_until, results = NULL,
  expires_at = excluded.expires_at, created_at = excluded.created_at
WHERE expires_at <= excluded.created_at
   OR (status = 'in_progress' AND lease_until <= excluded.created_at
       AND message_ids = excluded.message_ids)
"""

_FIELDS = (
    "id",
    "message_id",
    "user_id",
    "channel_type",
    "template_key",
    "subject",
    "content",
    "content_type",
    "status",
    "error",
    "last_error_code",
    "lease_token",
    "lease_until",
    "next_retry_at",
    "held_until",
    "expires_at",
    "send_at",
    "urgent",
    "after_id",
    "request_id",
    "idempotency_key",
    "variables",
    "metadata",
    "channel_options",
    "created_at",
    "updated_at",
)

_INSERT = f"""
INSERT INTO notification_logs ({", ".join(_FIELDS)})
SELECT {", ".join(f"json_extract(value, '$.{field}')" for field in _FIELDS)} FROM json_each(?2)
WHERE"""  # noqa: S608 - the fields are constants of this module

_INSERT_UNKEYED = f"{_INSERT} {_GUARD}"

# The usual case, one channel without a key: bound values save the database from parsing JSON.
_BOUND = len(_FIELDS)
_USER, _CHANNEL = _FIELDS.index("user_id") + 1, _FIELDS.index("channel_type") + 1
_INSERT_ONE = f"""
INSERT INTO notification_logs ({", ".join(_FIELDS)})
SELECT {", ".join(f"?{place}" for place in range(1, _BOUND + 1))}
WHERE (?{_BOUND + 1} IS NULL OR EXISTS (
  SELECT 1 FROM user_configs AS config
  WHERE id = ?{_BOUND + 1} AND revision = ?{_BOUND + 2} AND is_active = 1
  AND (?{_BOUND + 5} IS NULL OR NOT EXISTS (
    SELECT 1 FROM endpoint_lines
    WHERE endpoint = COALESCE(config.endpoint, config.user_id || ' ' || config.channel_type)
      AND next_slot > ?{_BOUND + 7}))))
AND (?{_BOUND + 3} IS NULL OR EXISTS (
  SELECT 1 FROM notification_templates_v2
  WHERE template_key = ?{_BOUND + 3} AND revision = ?{_BOUND + 4} AND is_active = 1))
AND (?{_BOUND + 5} IS NULL OR NOT EXISTS (
  SELECT 1 FROM channel_holds WHERE channel_type IN (?{_CHANNEL}, ?{_BOUND + 5})
    AND user_id IN ('', ?{_USER}) AND held_until > ?{_BOUND + 6}))
"""  # noqa: S608 - the fields are constants of this module

_INSERT_KEYED = f"""{_INSERT} EXISTS (
  SELECT 1 FROM idempotency_keys WHERE user_id = ?1 AND idempotency_key = ?3 AND message_ids = ?4
   AND lease_until = ?5)
"""  # noqa: S608 - the inner statement is a constant of this module


class Guard(NamedTuple):
    """What was read and must not have changed.

    Attributes:
        configs: (id, revision) of the configurations.
        template: (key, revision) of the template, if there is one.
        free: the channels, each with its base, before which nothing may stand: no hold, no line.
        now_ms: the time at which nothing may stand there.
    """

    configs: Sequence[tuple[int, int]]
    template: tuple[str, int] | None = None
    free: Sequence[tuple[str, str]] = ()
    now_ms: int = 0


class Reservation(NamedTuple):
    """A new idempotency record: one effect for this key and recipient until `expires_at`."""

    user_id: str
    idempotency_key: str
    request_hash: str
    message_ids: Sequence[str]
    lease_until: str
    expires_at: str
    now: str


class Acceptance(NamedTuple):
    """The rows of one send, and under which conditions they are written.

    Attributes:
        slots: the statements that take places in lines, for the rows that wait in one.
    """

    rows: Sequence[dict[str, Value]]
    guard: Guard
    reservation: Reservation | None
    slots: Sequence[Statement] = ()

    def statements(self) -> list[Statement]:
        """Return the statements that write the rows; the last one tells how many."""
        return [*self.slots, *_statements(self.rows, self.guard, self.reservation)]


async def accept_all(database: Database, acceptances: Sequence[Acceptance]) -> list[bool]:
    """Write the rows of several sends in one transaction and one round trip.

    Returns:
        For each send whether its rows were written; one that isn't leaves the others alone.

    Raises:
        DatabaseConflict: a row id is taken; nothing was written.
        DatabaseError: the database did not answer.
    """
    statements = [acceptance.statements() for acceptance in acceptances]
    results = await database.batch([each for group in statements for each in group])
    written, end = [], 0
    for acceptance, group in zip(acceptances, statements, strict=True):
        end += len(group)
        written.append(results[end - 1].changes == len(acceptance.rows))
    return written


def _statements(
    rows: Sequence[dict[str, Value]], guard: Guard, reservation: Reservation | None
) -> list[Statement]:
    if reservation is None and len(rows) == 1 and len(guard.configs) <= 1:
        return [_insert_one(rows[0], guard)]
    read = compact_json(
        {
            "configs": guard.configs,
            "template": guard.template,
            "free": guard.free,
            "user": rows[0]["user_id"] if rows else "",
            "now": iso(guard.now_ms),
            "now_ms": guard.now_ms,
        }
    )
    payload = compact_json(rows)
    if reservation is None:
        return [Statement(_INSERT_UNKEYED, (read, payload))]
    r = reservation
    message_ids = compact_json(list(r.message_ids))
    reserve = Statement(
        _RESERVE,
        (
            read,
            r.user_id,
            r.idempotency_key,
            message_ids,
            r.request_hash,
            r.lease_until,
            r.expires_at,
            r.now,
        ),
    )
    insert = Statement(
        _INSERT_KEYED, (r.user_id, payload, r.idempotency_key, message_ids, r.lease_until)
    )
    return [reserve, insert]


def _insert_one(row: dict[str, Value], guard: Guard) -> Statement:
    config_id, config_revision = guard.configs[0] if guard.configs else (None, None)
    template_key, template_revision = guard.template or (None, None)
    base = guard.free[0][1] if guard.free else None
    read = (
        config_id,
        config_revision,
        template_key,
        template_revision,
        base,
        iso(guard.now_ms),
        guard.now_ms,
    )
    return Statement(_INSERT_ONE, (*(row.get(field) for field in _FIELDS), *read))


def find_record(user_id: str, idempotency_key: str, now: str) -> Statement:
    """Select the record that still holds at `now`."""
    return Statement(
        "SELECT message_ids, request_hash, status, lease_until, results FROM idempotency_keys"
        " WHERE user_id = ?1 AND idempotency_key = ?2 AND expires_at > ?3",
        (user_id, idempotency_key, now),
    )


async def rows_of(
    database: Database, message_ids: Sequence[str], row_ids: Sequence[int]
) -> list[Row]:
    """Return what is left of the notifications with these message ids, in no particular order."""
    [result] = await database.batch(
        [
            Statement(
                "SELECT id, message_id, user_id, channel_type, status, error, last_error_code,"
                " lease_until, next_retry_at, held_until, send_at, after_id"
                " FROM notification_logs"
                " WHERE id IN (SELECT value FROM json_each(?1))",
                (compact_json(list(row_ids)),),
            )
        ]
    )
    wanted = set(message_ids)
    return [row for row in result.rows if row["message_id"] in wanted]
