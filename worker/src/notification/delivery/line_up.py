"""Putting notifications that are due off without calling: behind a hold, or back into a line."""

from collections.abc import Sequence
from typing import NamedTuple

from notification.channels.channel import THROTTLED_CODE, Pace
from notification.delivery.endpoint_lines import Endpoint, slot, take_slot
from notification.delivery.retry_message import RetryMessage
from notification.ports.database import Statement
from notification.ports.platform import Platform
from notification.timestamps import from_iso, iso

_WAIT = f"""
UPDATE notification_logs SET status = 'retry', updated_at = ?3, held_until = ?4,
  expires_at = COALESCE(?5, expires_at),
  last_error_code = CASE WHEN ?4 IS NULL THEN '{THROTTLED_CODE}' ELSE last_error_code END,
  next_retry_at = {slot(end="?6", user="?7", channel="?8")}
WHERE id = ?1 AND retry_count = ?2 AND status IN ('pending', 'retry')
  AND (lease_until IS NULL OR lease_until <= ?3)
RETURNING next_retry_at
"""  # noqa: S608 - built from constants, values are bound


class LineUp(NamedTuple):
    """One notification that is due and must wait.

    Attributes:
        asked: the message that woke it.
        endpoint: its endpoint.
        pace: the endpoint's pace.
        earliest_ms: before which no place may lie.
        expires_ms: the end of its time as it was.
        held_until: the end of the hold, as ISO text; None if the endpoint is throttled.
    """

    asked: RetryMessage
    endpoint: Endpoint
    pace: Pace
    earliest_ms: int
    expires_ms: int
    held_until: str | None = None


async def line_up(waiting: Sequence[LineUp], platform: Platform) -> list[RetryMessage]:
    """Give each its place, the oldest first, and return the messages that wake them then.

    Held time doesn't count: it is added to the notification's own.

    Raises:
        DatabaseError: the database did not answer; nothing has changed.
    """
    now_ms = platform.clock.now_ms()
    statements: list[Statement] = []
    ordered = sorted(waiting, key=lambda each: each.asked.log_id)
    for each in ordered:
        held = each.held_until is not None
        end_ms = each.expires_ms + (each.earliest_ms - now_ms if held else 0)
        statements += [
            take_slot(each.endpoint, each.pace, earliest_ms=each.earliest_ms),
            Statement(
                _WAIT,
                (
                    each.asked.log_id,
                    each.asked.retry_count,
                    iso(now_ms),
                    each.held_until,
                    iso(end_ms) if held else None,
                    max(end_ms, each.earliest_ms) if held else end_ms,
                    *each.endpoint,
                ),
            ),
        ]
    results = await platform.database.batch(statements)
    return [
        each.asked._replace(delay_ms=max(from_iso(row["next_retry_at"]) - now_ms, 0))
        for each, result in zip(ordered, results[1::2], strict=True)
        for row in result.rows
    ]
