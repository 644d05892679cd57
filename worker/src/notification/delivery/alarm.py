"""Messages on the queues: the alarm clock of the rows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from notification.journal import Log
from notification.ports.platform import Platform, Queue, QueueError, QueueMessage

KIND = "retry_notification"
_BATCH = 100


class Alarm(NamedTuple):
    """Rings for one row at one count of retries; any other count has been overtaken."""

    log_id: int
    retry_count: int
    delay_ms: int = 0

    def message(self, now_ms: int) -> QueueMessage:
        """The queue's message; its delay is rounded up, so that it never rings early."""
        return QueueMessage(
            {
                "v": 1,
                "type": KIND,
                "logId": self.log_id,
                "retryCount": self.retry_count,
                "scheduledAt": now_ms,
                "expectedProcessAt": now_ms + self.delay_ms,
            },
            delay_s=-(-self.delay_ms // 1000),
        )


def read_alarm(body: Any) -> Alarm | None:
    """The alarm in a message of this or an older version; None for anything else."""
    if not isinstance(body, dict) or body.get("type") != KIND:
        return None
    log_id, retry_count = body.get("logId"), body.get("retryCount")
    for value in (log_id, retry_count):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            return None
    return Alarm(int(log_id or 0), int(retry_count or 0))


async def ring(queue: Queue, alarms: Sequence[Alarm], *, platform: Platform, log: Log) -> bool:
    """Send the alarms; False, with a log line, when the queue did not take them.

    That loses nothing: the rows say when they are due, and the sweep looks there.
    """
    now_ms = platform.clock.now_ms()
    try:
        for start in range(0, len(alarms), _BATCH):
            await queue.send([a.message(now_ms) for a in alarms[start : start + _BATCH]])
    except QueueError as error:
        log.write("error", "Queue did not take messages", count=len(alarms), error=str(error))
        return False
    return True
