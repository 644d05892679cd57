"""How many notifications wait, and for what."""

from notification.channels.channel import THROTTLED_CODE
from notification.delivery.endpoint_lines import count_lines
from notification.ports.database import Statement
from notification.ports.platform import Platform

# Both counts come from partial indexes, which hold only the rows that are counted.
_WAITING = Statement("SELECT COUNT(*) AS depth FROM notification_logs WHERE status = 'retry'")
_REASONS = Statement(
    f"""
SELECT channel_type, CASE
    WHEN after_id IS NOT NULL THEN 'fallback' WHEN held_until IS NOT NULL THEN 'held'
    WHEN last_error_code = '{THROTTLED_CODE}' THEN 'throttled'
    WHEN send_at IS NOT NULL AND attempts = '[]' THEN 'planned' ELSE 'retry' END AS reason,
  COUNT(*) AS waiting
FROM notification_logs WHERE status = 'retry' GROUP BY channel_type, reason
"""  # noqa: S608 - a constant
)
# Schedules differ, so that a count of retries tells nothing: the last outcome does.
_EXHAUSTED = Statement(
    "SELECT COUNT(*) AS depth FROM notification_logs WHERE status = 'failed' AND"
    " (last_error_code IN ('EXPIRED', 'INTERRUPTED')"
    " OR json_extract(attempts, '$[#-1].retryable') = 1)"
)


async def waiting_by_reason(
    platform: Platform,
) -> tuple[dict[tuple[str, str], int], dict[str, tuple[int, float]]]:
    """Count the waiting notifications by channel and by what they wait for, and the lines.

    The reasons are `retry`, `throttled`, `held`, `planned` and `fallback`.

    Returns:
        The counts, and by channel the endpoints before which there is a line, with the seconds
        until the last place of the longest one.

    Raises:
        DatabaseError: the database did not answer.
    """
    now_ms = platform.clock.now_ms()
    counted, lines = await platform.everywhere.batch([_REASONS, count_lines(now_ms)])
    reasons: dict[tuple[str, str], int] = {}
    for row in counted.rows:
        place = str(row["channel_type"]), str(row["reason"])
        reasons[place] = reasons.get(place, 0) + int(row["waiting"])
    depths: dict[str, tuple[int, float]] = {}
    for row in lines.rows:
        endpoints, last_s = depths.get(str(row["channel_type"]), (0, 0.0))
        depths[str(row["channel_type"])] = (
            endpoints + int(row["endpoints"]),
            max(last_s, (int(row["next_slot"]) - now_ms) / 1000),
        )
    return reasons, depths


async def queue_depths(platform: Platform) -> dict[str, int]:
    """Count the notifications behind each queue: Cloudflare doesn't tell a queue's length.

    Returns:
        For the retry queue the notifications that wait for a retry, for the failed queue those
        that used up their retries, or their time, and were not acknowledged.

    Raises:
        DatabaseError: the database did not answer.
    """
    settings = platform.settings
    waiting, exhausted = await platform.everywhere.batch([_WAITING, _EXHAUSTED])
    return {
        settings.retry_queue_name: waiting.sum("depth"),
        settings.failed_queue_name: exhausted.sum("depth"),
    }
