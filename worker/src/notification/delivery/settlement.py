"""The state that a notification is left in, and the statements that write it."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from notification.channels.channel import Pace
from notification.channels.pace import BOT_PACE, bot_of
from notification.compact_json import compact_json, json_arrays
from notification.delivery.endpoint_lines import (
    Endpoint,
    name_endpoint,
    slot,
    take_slot,
    take_slot_of_bot,
)
from notification.delivery.notification import Notification
from notification.ports.database import Database, Result, Statement, Value
from notification.timestamps import from_iso, iso

MAX_REASON = 300

# The token stays, so that writing a settlement again does no harm: the first write's answer may
# have been lost.
_SETTLE = """
UPDATE notification_logs SET
  status = ?3, retry_count = ?4, next_retry_at = ?5, sent_at = ?6, error = ?7,
  last_error_code = ?8, attempts = ?9, updated_at = ?10, lease_until = NULL
WHERE id = ?1 AND lease_token = ?2
"""


_COLUMNS = (
    "id",
    "lease_token",
    "status",
    "retry_count",
    "next_retry_at",
    "sent_at",
    "error",
    "last_error_code",
    "attempts",
    "updated_at",
)
# The same for several.
_SETTLE_SEVERAL = f"""
UPDATE notification_logs SET {", ".join(f"{name} = new.{name}" for name in _COLUMNS[2:])},
  lease_until = NULL
FROM (SELECT {", ".join(f"json_extract(value, '$[{n}]') AS {c}" for n, c in enumerate(_COLUMNS))}
  FROM json_each(?1)) AS new
WHERE notification_logs.id = new.id AND notification_logs.lease_token = new.lease_token
RETURNING id
"""  # noqa: S608 - the columns are constants of this module


# The endpoint is gone, unless its configuration was saved since the attempt began.
_DEACTIVATE = """
UPDATE user_configs SET is_active = 0, revision = revision + 1, deactivated_at = ?3,
  deactivated_reason = ?4
WHERE user_id = ?1 AND channel_type = ?2 AND is_active = 1 AND updated_at <= ?5
"""

# A throttled notification takes the first free place in its endpoint's line.
_SETTLE_IN_LINE = f"""
UPDATE notification_logs SET
  status = ?3, retry_count = ?4, sent_at = ?5, error = ?6, last_error_code = ?7, attempts = ?8,
  updated_at = ?9, lease_until = NULL,
  next_retry_at = {slot(end="?10", user="?11", channel="?12", spaced=True)}
WHERE id = ?1 AND lease_token = ?2
RETURNING next_retry_at
"""  # noqa: S608 - built from constants, values are bound


class Line(NamedTuple):
    """The place that a throttled notification takes: at `earliest_ms` or later, but for its end.

    Attributes:
        identity: the id of the endpoint that was called, at `called_at`.
        notices: what gives notice of the line, if it stands in another database; None where the
            place has not been taken yet.
    """

    endpoint: Endpoint
    identity: str
    called_at: str
    pace: Pace
    earliest_ms: int
    end_ms: int
    notices: Sequence[Statement] | None = None


class Settlement(NamedTuple):
    """The row's next state; times are ISO texts.

    Attributes:
        delay_ms: the wait before the retry, if one follows.
        exhausted: whether the notification failed because its retries are used up.
        details: what the endpoint answered, for the caller; it is not stored.
        truncated: whether the message was shortened.
        line: where it waits if the endpoint is throttled; the write decides the place.
        gone_at: when the attempt began that found the endpoint gone, as ISO text.
    """

    notification: Notification
    status: str
    now: str
    attempts: list[dict[str, Any]]
    retry_count: int
    next_retry_at: str | None = None
    delay_ms: int = 0
    sent_at: str | None = None
    error: str | None = None
    code: str | None = None
    exhausted: bool = False
    details: Any = None
    truncated: bool = False
    line: Line | None = None
    gone_at: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing but its own row is written, and its values are known."""
        return self.line is None and self.gone_at is None

    def statements(self) -> list[Statement]:
        """Write the state, provided that the lease is still ours; the last statement tells."""
        if self.gone_at is not None:
            message = self.notification.message
            reason = (self.error or "")[:MAX_REASON]
            values = (message.user_id, self.notification.channel, self.now, reason, self.gone_at)
            return [Statement(_DEACTIVATE, values), self._statement()]
        if self.line is None:
            return [self._statement()]
        name = name_endpoint(self.line.endpoint, self.line.identity, self.line.called_at)
        if self.line.notices is not None:
            return [name, *self.line.notices, self._statement()]
        bot = bot_of(self.line.identity)
        now_ms = from_iso(self.now)
        return [
            name,
            *([take_slot_of_bot(bot, self.line.endpoint[1], BOT_PACE, now_ms)] if bot else []),
            take_slot(
                self.line.endpoint,
                self.line.pace,
                earliest_ms=self.line.earliest_ms,
                throttled_until_ms=self.line.earliest_ms,
            ),
            Statement(
                _SETTLE_IN_LINE,
                (
                    self.notification.id,
                    self.notification.lease_token,
                    self.status,
                    self.retry_count,
                    self.sent_at,
                    self.error,
                    self.code,
                    compact_json(self.attempts),
                    self.now,
                    self.line.end_ms,
                    *self.line.endpoint,
                ),
            ),
        ]

    def placed(self, line: Line, place_ms: int, notices: Sequence[Statement]) -> "Settlement":
        """Return the state at a place that has been taken in the database of its line."""
        place_ms = min(place_ms, line.end_ms)
        return self._replace(
            next_retry_at=iso(place_ms),
            delay_ms=max(place_ms - from_iso(self.now), 0),
            line=line._replace(notices=notices),
        )

    def written(self, result: Result) -> "Settlement | None":
        """Return the state with its place in line, from the last statement's result.

        None if another attempt took the row over.
        """
        if self.line is None or self.line.notices is not None:
            return self if result.changes else None
        if result.row is None:
            return None
        place = str(result.row["next_retry_at"])
        return self._replace(
            next_retry_at=place, delay_ms=max(from_iso(place) - from_iso(self.now), 0)
        )

    def _statement(self) -> Statement:
        return Statement(_SETTLE, self.values())

    def values(self) -> tuple[Value, ...]:
        """Return the row's id and token, and what is written of a plain one."""
        return (
            self.notification.id,
            self.notification.lease_token,
            self.status,
            self.retry_count,
            self.next_retry_at,
            self.sent_at,
            self.error,
            self.code,
            compact_json(self.attempts),
            self.now,
        )


async def write_all(
    database: Database, settlements: Sequence[Settlement]
) -> list[Settlement | None]:
    """Write several states in one transaction: the plain ones together, and first.

    Returns:
        Each as it was written; None if another attempt took its row over.

    Raises:
        DatabaseError: the database did not answer.
    """
    plain = [each for each in settlements if each.is_plain]
    together = len(plain) > 1
    groups = [[] if together and each.is_plain else each.statements() for each in settlements]
    rows = json_arrays(each.values() for each in plain) if together else ()
    statements = [Statement(_SETTLE_SEVERAL, (each,)) for each in rows]
    first = len(statements)
    results = await database.batch([*statements, *(each for group in groups for each in group)])
    settled = {row["id"] for result in results[:first] for row in result.rows}
    ends = accumulate((len(group) for group in groups), initial=first)
    next(ends)
    return [
        each.written(results[end - 1])
        if group
        else (each if each.notification.id in settled else None)
        for each, group, end in zip(settlements, groups, ends, strict=True)
    ]
