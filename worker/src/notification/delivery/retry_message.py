"""Messages on the queues. Each one wakes a consumer for one row; the row says what to do."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from notification.logging import Log
from notification.ports.platform import Platform, Queue, QueueError, QueueMessage

KIND = "retry_notification"
MAX_DELAY_S = 12 * 3_600
"""The longest delay of a message (Cloudflare Queues, "Limits"); one that comes early is queued
again."""
_MAX_BATCH = 100
"""Messages that one `sendBatch` call takes (Cloudflare Queues, "Limits")."""


class RetryMessage(NamedTuple):
    """Asks for an attempt at one row at one retry count; at any other count it is out of date.

    Attributes:
        delay_ms: the wait before it is due.
        gone: on the failed queue, that the row found its endpoint gone.
    """

    log_id: int
    retry_count: int
    delay_ms: int = 0
    gone: bool = False

    def to_queue(self, now_ms: int) -> QueueMessage:
        """Return the queue's message; its delay is rounded up, so that it never comes early."""
        return QueueMessage(
            {
                "v": 1,
                "type": KIND,
                "logId": self.log_id,
                "retryCount": self.retry_count,
                "scheduledAt": now_ms,
                "expectedProcessAt": now_ms + self.delay_ms,
                **({"gone": True} if self.gone else {}),
            },
            delay_s=min(-(-self.delay_ms // 1000), MAX_DELAY_S),
        )


def parse_retry_message(body: Any) -> RetryMessage | None:
    """Parse a message of this or an older version; return None for anything else."""
    if not isinstance(body, dict) or body.get("type") != KIND:
        return None
    log_id: Any = body.get("logId")
    retry_count: Any = body.get("retryCount")
    for value in (log_id, retry_count):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            return None
    gone = body.get("gone") is True
    return RetryMessage(log_id, retry_count, gone=gone)


async def enqueue(
    queue: Queue, messages: Sequence[RetryMessage], *, platform: Platform, log: Log
) -> bool:
    """Send the messages; return False, with a log line, if the queue refuses them.

    A refusal loses nothing: each row says when it is due, and the cron's sweep reads the rows.
    """
    now_ms = platform.clock.now_ms()
    try:
        for start in range(0, len(messages), _MAX_BATCH):
            batch = messages[start : start + _MAX_BATCH]
            await queue.send([message.to_queue(now_ms) for message in batch])
    except QueueError as error:
        log.write("error", "Queue did not take messages", count=len(messages), error=str(error))
        return False
    return True
