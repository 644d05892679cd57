"""How much work waits, by the rows: the queues themselves don't tell."""

from notification.ports.database import Statement
from notification.ports.platform import Platform
from notification.storage.system_settings import max_retries

# Both counts come from partial indexes, which hold the few rows that they are about.
_WAITING = Statement("SELECT COUNT(*) AS depth FROM notification_logs WHERE status = 'retry'")
_EXHAUSTED = (
    "SELECT COUNT(*) AS depth FROM notification_logs WHERE status = 'failed' AND retry_count >= ?1"
)


async def queue_depths(platform: Platform) -> dict[str, int]:
    """By queue: notifications that wait for a retry, and exhausted ones nobody has acknowledged.

    Raises `DatabaseError`.
    """
    settings = platform.settings
    most = max(await max_retries(platform), 1)
    waiting, exhausted = await platform.database.batch([_WAITING, Statement(_EXHAUSTED, (most,))])
    return {
        settings.retry_queue_name: int(waiting.rows[0]["depth"] or 0),
        settings.failed_queue_name: int(exhausted.rows[0]["depth"] or 0),
    }
