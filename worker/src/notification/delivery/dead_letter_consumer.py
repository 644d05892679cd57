"""The failed queue's consumer: makes a dead letter visible on its row and in the logs."""

from collections.abc import Sequence

from notification.delivery.incoming import IncomingMessage
from notification.delivery.retry_message import RetryMessage, parse_retry_message
from notification.logging import Log, iso
from notification.ports.database import DatabaseError, Row, Statement
from notification.ports.platform import Platform
from notification.tasks.operator_alert import alert_operators, alert_recipient

SUFFIX = " (maximum retries exceeded - moved to DLQ)"
_REPEAT_AFTER_S = 30

# Only a row that is exhausted at the message's count: the row decides, never the queue.
_MARK = """
UPDATE notification_logs SET error = COALESCE(error, '') || ?3, updated_at = ?4
WHERE id = ?1 AND status = 'failed' AND retry_count = ?2 AND COALESCE(error, '') NOT LIKE '%' || ?3
RETURNING id, message_id, user_id, channel_type, last_error_code, request_id
"""


class DeadLetterConsumer:
    """Also what the platform moves here from the retry queue: such a row is left to the sweep."""

    def __init__(self, platform: Platform, log: Log) -> None:
        self._platform = platform
        self._log = log

    async def consume(self, messages: Sequence[IncomingMessage]) -> None:
        """Never raises; a message is acknowledged after its row is written."""
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
            Statement(_MARK, (letter.log_id, letter.retry_count, SUFFIX, now)) for _, letter in dead
        ]
        try:
            results = await self._platform.database.batch(marks)
        except DatabaseError as error:
            self._log.write("error", "Marking dead letters failed", error=str(error))
            for message, _ in dead:
                message.retry(_REPEAT_AFTER_S)
            return
        marked = [row for result in results for row in result.rows]
        for row in marked:
            self._show(row)
        for message, _ in dead:
            message.acknowledge()
        await self._alert(marked)

    def _show(self, row: Row) -> None:
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

    async def _alert(self, marked: Sequence[Row]) -> None:
        """Tell the operators, but not of an alert that failed: that would cause another one."""
        operators = await alert_recipient(self._platform, self._log) if marked else None
        others = [row for row in marked if row["user_id"] != operators]
        if operators is None or not others:
            return
        last = others[-1]
        text = (
            f"{len(others)} notification{'s' if len(others) > 1 else ''} failed for good,"
            f" the last: {last['channel_type']} to {last['user_id']} ({last['last_error_code']}, "
            f"message id {last['message_id']})"
        )
        await alert_operators(
            operators, text, key="dead_letters", platform=self._platform, log=self._log
        )
