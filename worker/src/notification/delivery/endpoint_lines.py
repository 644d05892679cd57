"""What keeps a notification from its endpoint: a hold, or the line before a throttled endpoint.

A line has places in time, one behind the other at the endpoint's pace. Whoever has to wait takes
the first free one, in the transaction that writes its row.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from notification.channels.channel import base_channel
from notification.channels.pace import Pace
from notification.ports.database import Result, Row, Statement
from notification.timestamps import iso

Endpoint = tuple[str, str]
"""A recipient and a channel."""

_HOLDS = "SELECT channel_type, user_id, held_until FROM channel_holds WHERE held_until > ?1"
_LINES = """
SELECT user_id, channel_type, throttled_until, next_slot, interval_ms, burst FROM endpoint_paces
WHERE user_id = ?1 AND next_slot > ?2
"""
_LINES_OF_ROWS = """
SELECT user_id, channel_type, throttled_until, next_slot, interval_ms, burst FROM endpoint_paces
WHERE (user_id, channel_type) IN (
  SELECT user_id, channel_type FROM notification_logs WHERE id IN (SELECT value FROM json_each(?1)))
"""
_TAKE = """
INSERT INTO endpoint_paces
  (user_id, channel_type, throttled_until, next_slot, interval_ms, burst)
VALUES (?1, ?2, ?3, ?4 + ?5, ?5, ?6)
ON CONFLICT (user_id, channel_type) DO UPDATE SET
  throttled_until = MAX(throttled_until, excluded.throttled_until),
  next_slot = MAX(next_slot, ?4) + ?5, interval_ms = ?5, burst = ?6
"""
SLOT = """
strftime('%Y-%m-%dT%H:%M:%fZ', MIN({end}, (
  SELECT next_slot - interval_ms FROM endpoint_paces
  WHERE user_id = {user} AND channel_type = {channel})) / 1000.0, 'unixepoch')
"""
"""The place that was just taken, as ISO text, but no later than `end` (ms)."""


class Line(NamedTuple):
    """The line before one endpoint; moments are in ms since 1970.

    Attributes:
        throttled_until: until when the endpoint asked not to be called.
        next_slot: the first free place.
        pace: how far the places lie apart.
    """

    throttled_until: int
    next_slot: int
    pace: Pace


class Obstacles(NamedTuple):
    """What stands before endpoints.

    Attributes:
        holds: the ends of the holds, as ISO text, by channel and user (empty: everybody).
        lines: the lines by endpoint.
    """

    holds: Mapping[Endpoint, str]
    lines: Mapping[Endpoint, Line]

    def held_until(self, user_id: str, channel: str) -> str | None:
        """Return until when an endpoint is held, as ISO text; None if it is not."""
        names = {channel, base_channel(channel)}
        ends = [
            until
            for (held, user), until in self.holds.items()
            if held in names and user in ("", user_id)
        ]
        return max(ends, default=None)


NO_OBSTACLES = Obstacles({}, {})


def select_obstacles(user_id: str, now_ms: int) -> list[Statement]:
    """Select the holds, and the lines of one recipient in which somebody waits."""
    return [Statement(_HOLDS, (iso(now_ms),)), Statement(_LINES, (user_id, now_ms))]


def select_obstacles_of_rows(row_ids: str, now_ms: int) -> list[Statement]:
    """Select the holds, and the lines of the endpoints of some notifications (a JSON array)."""
    return [Statement(_HOLDS, (iso(now_ms),)), Statement(_LINES_OF_ROWS, (row_ids,))]


def read_obstacles(results: Sequence[Result]) -> Obstacles:
    """Read what the two statements of a selection found."""
    held, lines = results
    return Obstacles(
        {(str(r["channel_type"]), str(r["user_id"])): str(r["held_until"]) for r in held.rows},
        {(str(r["user_id"]), str(r["channel_type"])): _line(r) for r in lines.rows},
    )


def _line(row: Row) -> Line:
    pace = Pace(int(row["interval_ms"] or 0), int(row["burst"] or 0))
    return Line(int(row["throttled_until"] or 0), int(row["next_slot"] or 0), pace)


def take_slot(
    endpoint: Endpoint, pace: Pace, *, earliest_ms: int, throttled_until_ms: int = 0
) -> Statement:
    """Take the first free place at `earliest_ms` or later; `SLOT` reads it afterwards."""
    return Statement(
        _TAKE, (*endpoint, throttled_until_ms, earliest_ms, pace.interval_ms, pace.burst)
    )


def forget_lines(now_ms: int) -> Statement:
    """Delete the lines that have been empty for an hour."""
    return Statement("DELETE FROM endpoint_paces WHERE next_slot < ?1", (now_ms - 3_600_000,))


def free_channels(channels: Iterable[str]) -> list[tuple[str, str]]:
    """Return each channel with its base: a hold may name either."""
    return [(channel, base_channel(channel)) for channel in channels]
