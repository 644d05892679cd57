"""Leasing rows for an attempt, so that no two attempts at one row run at a time."""

from collections.abc import Sequence
from typing import NamedTuple

from notification.delivery.notification import INTERRUPTED, INTERRUPTED_TEXT, LEASE_MS, Notification
from notification.delivery.retry_message import RetryMessage
from notification.ports.database import Row, Statement
from notification.ports.platform import Platform
from notification.timestamps import iso

_COLUMNS = (
    "id, message_id, user_id, channel_type, template_key, subject, content, content_type,"
    " channel_options, status, error, retry_count, attempts, lease_until, next_retry_at,"
    " expires_at, urgent, request_id"
)
_FOLLOWED = "EXISTS (SELECT 1 FROM notification_logs AS f WHERE f.after_id = ?1) AS followed"
_SELECT = f"SELECT {_COLUMNS}, {_FOLLOWED} FROM notification_logs WHERE id = ?1"  # noqa: S608 - constant columns
COUNT_DEATH = f"""
attempts = CASE WHEN lease_until IS NULL THEN attempts ELSE json_insert(attempts, '$[#]',
  json_object('at', strftime('%Y-%m-%dT%H:%M:%fZ', lease_until, '-{LEASE_MS // 1000} seconds'),
  'status_code', NULL, 'duration_ms', 0, 'outcome', 'broken', 'code', '{INTERRUPTED}',
  'retryable', json('true'), 'error', '{INTERRUPTED_TEXT}')) END
"""
"""Counts an attempt whose lease has lapsed: its process ended before it told what became of it."""
# The attempt that died is counted before the next one begins, which may die of the same. What is
# attempted waits for no hold any more.
_CLAIM = f"""
UPDATE notification_logs SET lease_token = ?2, lease_until = ?3, held_until = NULL, {COUNT_DEATH}
WHERE id = ?1 AND status IN ('pending', 'retry') AND retry_count = ?4
  AND (lease_until IS NULL OR lease_until <= ?5)
  AND (next_retry_at IS NULL OR next_retry_at <= ?5)
"""  # noqa: S608 - built from constants, values are bound
_CONFIG = """
SELECT config.id, config.user_id, config.channel_type, config.config_data, config.is_active,
  config.revision, config.created_at, config.updated_at
FROM notification_logs AS log
JOIN user_configs AS config
  ON config.user_id = log.user_id AND config.channel_type = log.channel_type
WHERE log.id = ?1 AND config.is_active = 1
"""


class Claim(NamedTuple):
    """The result of claiming one row.

    Attributes:
        row: the row as it is now; None if there is none.
        notification: the notification if the claim succeeded.
        config_row: the recipient's active configuration, sealed.
    """

    row: Row | None
    notification: Notification | None
    config_row: Row | None


async def claim(messages: Sequence[RetryMessage], platform: Platform) -> list[Claim]:
    """Claim each row that is due, free and at its message's retry count, in one round trip.

    Raises:
        DatabaseError: the database did not answer; nothing was claimed.
    """
    now_ms = platform.clock.now_ms()
    now, until = iso(now_ms), iso(now_ms + LEASE_MS)
    tokens = [platform.randomness.token_bytes(12).hex() for _ in messages]
    statements = []
    for message, token in zip(messages, tokens, strict=True):
        statements += [
            Statement(_CLAIM, (message.log_id, token, until, message.retry_count, now)),
            Statement(_SELECT, (message.log_id,)),
            Statement(_CONFIG, (message.log_id,)),
        ]
    results = await platform.database.batch(statements)
    claims = []
    for index, token in enumerate(tokens):
        taken, selected, config = results[3 * index : 3 * index + 3]
        row = selected.row
        ours = Notification.from_row(row, token) if row and taken.changes else None
        claims.append(Claim(row, ours, config.row))
    return claims
