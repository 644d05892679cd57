"""Putting notifications that are due off without calling: behind a hold, or back into a line."""

from collections.abc import Sequence
from typing import NamedTuple

from notification.channels.channel import THROTTLED_CODE, Pace
from notification.delivery.endpoint_lines import Endpoint, Places, slot, take_slot
from notification.delivery.retry_message import RetryMessage
from notification.logging import Log
from notification.ports.database import Statement
from notification.ports.platform import Platform
from notification.timestamps import from_iso, iso

_WAIT_AT = f"""
UPDATE notification_logs SET status = 'retry', updated_at = ?3, held_until = ?4,
  expires_at = COALESCE(?5, expires_at),
  last_error_code = CASE WHEN ?4 IS NULL THEN '{THROTTLED_CODE}' ELSE last_error_code END,
  next_retry_at = ?6
WHERE id = ?1 AND retry_count = ?2 AND status IN ('pending', 'retry')
  AND (lease_until IS NULL OR lease_until <= ?3)
RETURNING next_retry_at
"""  # noqa: S608 - a constant, values are bound
_WAIT = _WAIT_AT.replace("?6", slot(end="?6", user="?7", channel="?8"))


class LineUp(NamedTuple):
    """One notification that is due and must wait.

    Attributes:
        asked: the message that woke it.
        endpoint: its endpoint.
        identity: the endpoint's id.
        pace: the endpoint's pace.
        earliest_ms: before which no place may lie.
        expires_ms: the end of its time as it was.
        held_until: the end of the hold, as ISO text; None if the endpoint is throttled.
    """

    asked: RetryMessage
    endpoint: Endpoint
    identity: str
    pace: Pace
    earliest_ms: int
    expires_ms: int
    held_until: str | None = None

    def write(self, now_ms: int, place_ms: int | None = None) -> list[Statement]:
        """Return the statements that let it wait, at a place that it takes or has taken.

        Held time doesn't count: it is added to the notification's own.
        """
        held = self.held_until is not None
        end_ms = self.expires_ms + (self.earliest_ms - now_ms if held else 0)
        last_ms = max(end_ms, self.earliest_ms) if held else end_ms
        values = (
            self.asked.log_id,
            self.asked.retry_count,
            iso(now_ms),
            self.held_until,
            iso(end_ms) if held else None,
        )
        if place_ms is not None:
            return [Statement(_WAIT_AT, (*values, iso(min(place_ms, last_ms))))]
        return [
            take_slot(self.endpoint, self.pace, earliest_ms=self.earliest_ms),
            Statement(_WAIT, (*values, last_ms, *self.endpoint)),
        ]


async def line_up(waiting: Sequence[LineUp], platform: Platform, log: Log) -> list[RetryMessage]:
    """Give each its place, the oldest first, and return the messages that wake them then.

    Raises:
        DatabaseError: a database did not answer; no notification has changed.
    """
    now_ms = platform.clock.now_ms()
    ordered = sorted(waiting, key=lambda each: each.asked.log_id)
    if platform.is_sharded:
        # Imported where there are several databases.
        from notification.delivery.shared_lines import take_places, tell

        wanted = [Places(e.identity, e.endpoint[1], e.pace, e.earliest_ms) for e in ordered]
        places = await take_places(wanted, platform)
        groups = [each.write(now_ms, place) for each, place in zip(ordered, places, strict=True)]
    else:
        groups = [each.write(now_ms) for each in ordered]
    results = await platform.database.batch([each for group in groups for each in group])
    if platform.is_sharded:
        await tell(((each.identity, each.endpoint[1]) for each in ordered), platform, log)
    told = results[len(groups[0]) - 1 :: len(groups[0])]
    return [
        each.asked._replace(delay_ms=max(from_iso(row["next_retry_at"]) - now_ms, 0))
        for each, result in zip(ordered, told, strict=True)
        for row in result.rows
    ]
