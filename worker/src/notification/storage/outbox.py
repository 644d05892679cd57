"""The batch that accepts a send: idempotency record and pending rows, all or nothing."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from notification.compact_json import compact_json, json_arrays
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

# One channel without a key, the usual case. After the fields come the configuration's id and
# revision, the template's key and revision, the channel's base if it is to be attempted at once,
# and the time as ISO text and in ms.
_USER, _CHANNEL, _READ = _FIELDS.index("user_id"), _FIELDS.index("channel_type"), len(_FIELDS)


def _inserting_one(at: Callable[[int], str], source: str = "") -> str:
    """Write the SQL that inserts a send's only row.

    Args:
        at: names the value at a place.
        source: where the values come from, if they aren't bound.
    """
    config, revision, template, template_revision, base, now, now_ms = map(
        at, range(_READ, _READ + 7)
    )
    return f"""
INSERT INTO notification_logs ({", ".join(_FIELDS)})
SELECT {", ".join(map(at, range(_READ)))} {source}
WHERE ({config} IS NULL OR EXISTS (
  SELECT 1 FROM user_configs AS config
  WHERE config.id = {config} AND config.revision = {revision} AND config.is_active = 1
  AND ({base} IS NULL OR NOT EXISTS (
    SELECT 1 FROM endpoint_lines
    WHERE endpoint = COALESCE(config.endpoint, config.user_id || ' ' || config.channel_type)
      AND next_slot > {now_ms}))))
AND ({template} IS NULL OR EXISTS (
  SELECT 1 FROM notification_templates_v2
  WHERE template_key = {template} AND revision = {template_revision} AND is_active = 1))
AND ({base} IS NULL OR NOT EXISTS (
  SELECT 1 FROM channel_holds WHERE channel_type IN ({at(_CHANNEL)}, {base})
    AND user_id IN ('', {at(_USER)}) AND held_until > {now}))
"""  # noqa: S608 - the fields are constants of this module


# Bound values save the database from parsing JSON; rows of several sends save it statements.
_INSERT_ONE = _inserting_one(lambda place: f"?{place + 1}")
_INSERT_SEVERAL = (
    _inserting_one(
        lambda place: f"json_extract(sent.value, '$[{place}]')", "FROM json_each(?1) AS sent"
    )
    + "RETURNING id"
)

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

    @property
    def is_plain(self) -> bool:
        """Whether it is one row without a key that takes no place in a line."""
        alone = len(self.rows) == 1 and len(self.guard.configs) <= 1
        return alone and self.reservation is None and not self.slots

    def statements(self) -> list[Statement]:
        """Return the statements that write the rows; the last one tells how many."""
        return [*self.slots, *_statements(self.rows, self.guard, self.reservation)]


async def accept_all(database: Database, acceptances: Sequence[Acceptance]) -> list[bool]:
    """Write the rows of several sends in one transaction and one round trip.

    Plain ones are written last, together: the places that others take count for all of them.

    Returns:
        For each send whether its rows were written; one that isn't leaves the others alone.

    Raises:
        DatabaseConflict: a row id is taken; nothing was written.
        DatabaseError: the database did not answer.
    """
    plain = [each for each in acceptances if each.is_plain]
    together = len(plain) > 1
    groups = [[] if together and each.is_plain else each.statements() for each in acceptances]
    statements = [each for group in groups for each in group]
    alone = len(statements)
    if together:
        values = (_values(each.rows[0], each.guard) for each in plain)
        statements += [Statement(_INSERT_SEVERAL, (rows,)) for rows in json_arrays(values)]
    results = await database.batch(statements)
    inserted = {row["id"] for result in results[alone:] for row in result.rows}
    written, end = [], 0
    for acceptance, group in zip(acceptances, groups, strict=True):
        end += len(group)
        if group:
            written.append(results[end - 1].changes == len(acceptance.rows))
        else:
            written.append(acceptance.rows[0]["id"] in inserted)
    return written


def _statements(
    rows: Sequence[dict[str, Value]], guard: Guard, reservation: Reservation | None
) -> list[Statement]:
    if reservation is None and len(rows) == 1 and len(guard.configs) <= 1:
        return [Statement(_INSERT_ONE, _values(rows[0], guard))]
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


def _values(row: dict[str, Value], guard: Guard) -> tuple[Value, ...]:
    config_id, config_revision = guard.configs[0] if guard.configs else (None, None)
    template_key, template_revision = guard.template or (None, None)
    return (
        *map(row.get, _FIELDS),
        config_id,
        config_revision,
        template_key,
        template_revision,
        guard.free[0][1] if guard.free else None,
        iso(guard.now_ms),
        guard.now_ms,
    )


def find_records(keys: Iterable[tuple[str, str]], now: str) -> Statement:
    """Select the records of some recipients' keys that still hold at `now`."""
    return Statement(
        "SELECT user_id, idempotency_key, message_ids, request_hash, status, lease_until, results"
        " FROM idempotency_keys WHERE expires_at > ?2 AND (user_id, idempotency_key) IN ("
        "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1))",
        (compact_json(list(keys)), now),
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
