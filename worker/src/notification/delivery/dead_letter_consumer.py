"""The failed queue's consumer: shows a dead letter on its row, in the logs and to the operators."""

from collections.abc import Sequence
from typing import Protocol

from notification.compact_json import compact_json
from notification.delivery.retry_message import RetryMessage, parse_retry_message
from notification.logging import Log
from notification.ports.database import DatabaseError, Row, Statement
from notification.ports.platform import IncomingMessage, Platform
from notification.timestamps import HOUR_MS, iso

SUFFIX = " (maximum retries exceeded - moved to DLQ)"
_REPEAT_AFTER_S = 30

# Only a row that is exhausted at the message's count: the row decides, never the queue.
_MARK = """
UPDATE notification_logs SET error = COALESCE(error, '') || ?3, updated_at = ?4
WHERE id = ?1 AND status = 'failed' AND retry_count = ?2 AND COALESCE(error, '') NOT LIKE '%' || ?3
RETURNING id, message_id, user_id, channel_type, last_error_code, request_id
"""


class Alert(Protocol):
    """A way to tell the operators."""

    async def recipient(self) -> str | None:
        """Return the user who gets the alerts; None if nobody does."""
        ...

    async def send(self, recipient: str, text: str, *, key: str, life_ms: int = HOUR_MS) -> None:
        """Send an alert, at most once in `life_ms` for each `key`; never raises."""
        ...


_GONE = """
SELECT config.user_id, config.channel_type, config.deactivated_at, config.deactivated_reason
FROM notification_logs AS log JOIN user_configs AS config
  ON config.user_id = log.user_id AND config.channel_type = log.channel_type
WHERE log.id IN (SELECT value FROM json_each(?1)) AND config.deactivated_at IS NOT NULL
"""
_TOLD_MS = 2 * HOUR_MS
"""The hourly sweep tells again of what it finds switched off, under the same key."""


async def tell_of_gone(alert: Alert, recipient: str, row: Row) -> None:
    """Tell the operators of an endpoint that was switched off because it is gone."""
    user_id, channel = row["user_id"], row["channel_type"]
    text = f"Endpoints were switched off:\n{channel} of {user_id}: {row['deactivated_reason']}"
    key = f"gone.{channel}.{user_id}.{row['deactivated_at']}"
    await alert.send(recipient, text, key=key, life_ms=_TOLD_MS)


class DeadLetterConsumer:
    """Marks the rows of exhausted notifications.

    The platform, too, moves messages here from the retry queue: rows of those that are not
    exhausted are left to the sweep.
    """

    def __init__(self, platform: Platform, log: Log, alert: Alert) -> None:
        self._platform = platform
        self._log = log
        self._alert = alert

    async def consume(self, messages: Sequence[IncomingMessage]) -> None:
        """Mark the rows, then acknowledge the messages. Never raises."""
        dead: list[tuple[IncomingMessage, RetryMessage]] = []
        for message in messages:
            letter = parse_retry_message(message.body)
            if letter is None:
                self._log.write("error", "Unreadable dead letter dropped", type="queue_message")
                message.acknowledge()
            else:
                dead.append((message, letter))
        if not dead:
            return
        now = iso(self._platform.clock.now_ms())
        marks = [
            Statement(_MARK, (letter.log_id, letter.retry_count, SUFFIX, now))
            for _, letter in dead
            if not letter.gone
        ]
        gone = compact_json([letter.log_id for _, letter in dead if letter.gone])
        try:
            *results, found = await self._platform.database.batch(
                [*marks, Statement(_GONE, (gone,))]
            )
        except DatabaseError as error:
            self._log.write("error", "Marking dead letters failed", error=str(error))
            for message, _ in dead:
                message.retry(_REPEAT_AFTER_S)
            return
        marked = [row for result in results for row in result.rows]
        for row in marked:
            self._log_dead(row)
        for message, _ in dead:
            message.acknowledge()
        await self._tell_operators(marked)
        await self._tell_of_gone(found.rows)

    async def _tell_of_gone(self, rows: Sequence[Row]) -> None:
        recipient = await self._alert.recipient() if rows else None
        for row in rows:
            if recipient is not None and row["user_id"] != recipient:
                await tell_of_gone(self._alert, recipient, row)

    def _log_dead(self, row: Row) -> None:
        request_id = row["request_id"]
        self._log.of_request(None if request_id is None else str(request_id)).write(
            "error",
            "Notification failed for good",
            type="dead_letter",
            logId=row["id"],
            messageId=row["message_id"],
            userId=row["user_id"],
            channel=row["channel_type"],
            code=row["last_error_code"],
        )

    async def _tell_operators(self, marked: Sequence[Row]) -> None:
        """Send an alert, but not about an alert that failed: that would cause another one."""
        operators = await self._alert.recipient() if marked else None
        others = [row for row in marked if row["user_id"] != operators]
        if operators is None or not others:
            return
        last = others[-1]
        text = (
            f"{len(others)} notification{'s' if len(others) > 1 else ''} failed for good,"
            f" the last: {last['channel_type']} to {last['user_id']} ({last['last_error_code']}, "
            f"message id {last['message_id']})"
        )
        await self._alert.send(operators, text, key="dead_letters")
