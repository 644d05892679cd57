"""The notifications that took longest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ops.database.stack_database import StackDatabase

# Ids begin with the moment: milliseconds since 2024 (Julian day 2460310.5), times 4096.
_SLOWEST = """
SELECT message_id, channel_type AS channel, retry_count + 1 AS attempts,
  (julianday(updated_at) - julianday(created_at)) * 86400000 AS ms
FROM notification_logs
WHERE status = 'sent' AND redrives = 0 AND id >=
  CAST((julianday('now', '-' || ?1 || ' day') - 2460310.5) * 86400000 AS INTEGER) * 4096
ORDER BY ms DESC LIMIT ?2
"""


@dataclass(frozen=True)
class SlowSend:
    """One notification: from acceptance to delivery."""

    message_id: str
    channel: str
    attempts: int
    milliseconds: float


def slow_sends(
    databases: Iterable[StackDatabase], *, days: int = 1, limit: int = 5
) -> list[SlowSend]:
    """Return the slowest of the last days in all databases, the slowest first.

    Those that an operator sent again later aren't among them: they waited for a person.

    Raises:
        OperationError: a database refused, or gave no answer.
    """
    found = [
        SlowSend(
            str(row["message_id"]),
            str(row["channel"]),
            int(str(row["attempts"])),
            float(str(row["ms"])),
        )
        for database in databases
        for row in database.query(_SLOWEST, str(days), str(limit))
    ]
    return sorted(found, key=lambda send: -send.milliseconds)[:limit]
