"""Taking rows for an attempt, so that no two attempts run at once."""

from collections.abc import Sequence
from typing import NamedTuple

from notification.delivery.alarm import Alarm
from notification.delivery.notification import LEASE_MS, Notification
from notification.journal import iso
from notification.ports.database import Row, Statement
from notification.ports.platform import Platform

_COLUMNS = (
    "id, message_id, user_id, channel_type, template_key, subject, content, content_type,"
    " channel_options, status, error, retry_count, attempts, lease_until, next_retry_at,"
    " request_id"
)
_LOOK = f"SELECT {_COLUMNS} FROM notification_logs WHERE id = ?1"  # noqa: S608 - constant columns
_CLAIM = """
UPDATE notification_logs SET lease_token = ?2, lease_until = ?3
WHERE id = ?1 AND status IN ('pending', 'retry') AND retry_count = ?4
  AND (lease_until IS NULL OR lease_until <= ?5)
  AND (next_retry_at IS NULL OR next_retry_at <= ?5)
"""
_CONFIG = """
SELECT config.id, config.user_id, config.channel_type, config.config_data, config.is_active,
  config.revision, config.created_at, config.updated_at
FROM notification_logs AS log
JOIN user_configs AS config
  ON config.user_id = log.user_id AND config.channel_type = log.channel_type
WHERE log.id = ?1 AND config.is_active = 1
"""


class Claim(NamedTuple):
    """What became of an alarm: the row as it was, the notification if it is now ours, and the
    recipient's active configuration row."""

    row: Row | None
    notification: Notification | None
    config_row: Row | None


async def claim(alarms: Sequence[Alarm], platform: Platform) -> list[Claim]:
    """Claim each alarm's row if it is due, unleased and at the alarm's count; one round trip.

    Raises `DatabaseError`.
    """
    now_ms = platform.clock.now_ms()
    now, until = iso(now_ms), iso(now_ms + LEASE_MS)
    tokens = [platform.randomness.token_bytes(12).hex() for _ in alarms]
    statements = []
    for alarm, token in zip(alarms, tokens, strict=True):
        statements += [
            Statement(_LOOK, (alarm.log_id,)),
            Statement(_CLAIM, (alarm.log_id, token, until, alarm.retry_count, now)),
            Statement(_CONFIG, (alarm.log_id,)),
        ]
    results = await platform.database.batch(statements)
    claims = []
    for index, token in enumerate(tokens):
        look, taken, config = results[3 * index : 3 * index + 3]
        row = look.rows[0] if look.rows else None
        ours = Notification.from_row(row, token) if row and taken.changes else None
        claims.append(Claim(row, ours, config.rows[0] if config.rows else None))
    return claims
