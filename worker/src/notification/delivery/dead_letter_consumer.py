"""The failed queue's consumer: makes a dead letter visible on its row and in the logs."""

from collections.abc import Sequence

from notification.delivery.alarm import read_alarm
from notification.delivery.incoming import IncomingMessage
from notification.journal import Log, iso
from notification.ports.database import DatabaseError, Statement
from notification.ports.platform import Platform

SUFFIX = " (maximum retries exceeded - moved to DLQ)"
_REPEAT_AFTER_S = 30

# Only a row that is exhausted at the message's count: the row decides, never the queue.
_MARK = """
UPDATE notification_logs SET error = COALESCE(error, '') || ?3, updated_at = ?4
WHERE id = ?1 AND status = 'failed' AND retry_count = ?2 AND COALESCE(error, '') NOT LIKE '%' || ?3
RETURNING message_id, user_id, channel_type, last_error_code, request_id
"""


class DeadLetterConsumer:
    """Also what the platform moves here from the retry queue: such a row is left to the sweep."""

    def __init__(self, platform: Platform, log: Log) -> None:
        self._platform = platform
        self._log = log

    async def consume(self, messages: Sequence[IncomingMessage]) -> None:
        """Never raises; a message is acknowledged after its row is written."""
        for message in messages:
            alarm = read_alarm(message.body)
            if alarm is None:
                self._log.write("error", "Unreadable dead letter dropped", type="queue_message")
                message.acknowledge()
                continue
            now = iso(self._platform.clock.now_ms())
            mark = Statement(_MARK, (alarm.log_id, alarm.retry_count, SUFFIX, now))
            try:
                [result] = await self._platform.database.batch([mark])
            except DatabaseError as error:
                self._log.write("error", "Marking a dead letter failed", error=str(error))
                message.retry(_REPEAT_AFTER_S)
                continue
            for row in result.rows:
                request_id = row["request_id"]
                self._log.of_request(None if request_id is None else str(request_id)).write(
                    "error",
                    "Notification failed for good",
                    type="dead_letter",
                    logId=alarm.log_id,
                    messageId=row["message_id"],
                    userId=row["user_id"],
                    channel=row["channel_type"],
                    code=row["last_error_code"],
                )
            message.acknowledge()
