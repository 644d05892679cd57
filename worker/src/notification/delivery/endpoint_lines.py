"""What keeps a notification from its endpoint: a hold, or the line before a throttled endpoint.

A line has places in time, one behind the other at the endpoint's pace. Whoever has to wait takes
the first free one, in the transaction that writes its row.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from notification.channels.channel import Pace, base_channel
from notification.channels.pace import BOT_PACE, bot_of
from notification.compact_json import compact_json
from notification.ports.database import Result, Row, Statement
from notification.timestamps import iso

Endpoint = tuple[str, str]
"""A recipient and a channel, whose configuration leads to an endpoint."""

_ID = """COALESCE((
  SELECT endpoint FROM user_configs WHERE user_id = {user} AND channel_type = {channel}),
  {user} || ' ' || {channel})"""
"""The id of an endpoint. Without a configuration, or with one of an older version that doesn't tell
where it leads, recipient and channel stand for it."""

_HOLDS = "SELECT channel_type, user_id, held_until FROM channel_holds WHERE held_until > ?1"
_LINE = "line.endpoint, line.throttled_until, line.next_slot, line.interval_ms, line.burst"
_LINES = f"""
SELECT config.user_id, config.channel_type, {_LINE}
FROM user_configs AS config JOIN endpoint_lines AS line
  ON line.endpoint = COALESCE(config.endpoint, config.user_id || ' ' || config.channel_type)
WHERE config.user_id IN (SELECT value FROM json_each(?1)) AND line.next_slot > ?2
"""  # noqa: S608 - constant columns
_LINES_OF_ROWS = f"""
SELECT log.user_id, log.channel_type, {_LINE}
FROM notification_logs AS log JOIN endpoint_lines AS line
  ON line.endpoint = {_ID.format(user="log.user_id", channel="log.channel_type")}
WHERE log.id IN (SELECT value FROM json_each(?1))
"""  # noqa: S608 - built from constants, values are bound
_NAME = """
UPDATE user_configs SET endpoint = ?3
WHERE user_id = ?1 AND channel_type = ?2 AND updated_at <= ?4 AND endpoint IS NOT ?3
"""
_TAKE = f"""
INSERT INTO endpoint_lines
  (endpoint, channel_type, throttled_until, next_slot, interval_ms, burst)
VALUES ({_ID.format(user="?1", channel="?2")}, ?7, ?3, ?4 + ?5, ?5, ?6)
ON CONFLICT (endpoint) DO UPDATE SET
  throttled_until = MAX(throttled_until, excluded.throttled_until),
  next_slot = MAX(next_slot, ?4) + ?5, interval_ms = ?5, burst = ?6
"""  # noqa: S608 - built from constants, values are bound
_TAKE_OF = """
INSERT INTO endpoint_lines
  (endpoint, channel_type, throttled_until, next_slot, interval_ms, burst)
VALUES (?1, ?2, ?3, ?4 + ?5 * ?7, ?5, ?6)
ON CONFLICT (endpoint) DO UPDATE SET
  throttled_until = MAX(throttled_until, excluded.throttled_until),
  next_slot = MAX(next_slot, ?4) + ?5 * ?7, interval_ms = ?5, burst = ?6
"""
_SLOT = """
strftime('%Y-%m-%dT%H:%M:%fZ', MIN({end}, (
  SELECT next_slot - interval_ms FROM endpoint_lines WHERE endpoint = {id}) + {later})
  / 1000.0, 'unixepoch')
"""
# A bot's chats have lines of their own; the bot's line spaces out those that are throttled at once.
# It begins at the newest of them, which `throttled_until` holds.
_BEHIND_OTHER_CHATS = """COALESCE((
  SELECT next_slot - interval_ms - throttled_until FROM endpoint_lines
  WHERE instr({id}, '.') > 0 AND endpoint = substr({id}, 1, instr({id}, '.') - 1)), 0)"""
_TAKE_OF_BOT = """
INSERT INTO endpoint_lines
  (endpoint, channel_type, throttled_until, next_slot, interval_ms, burst)
VALUES (?1, ?2, ?3, ?3 + ?4, ?4, ?5)
ON CONFLICT (endpoint) DO UPDATE SET
  throttled_until = ?3, next_slot = MAX(next_slot, ?3) + ?4, interval_ms = ?4, burst = ?5
"""
_SELECT_LINES = f"""
SELECT {_LINE} FROM endpoint_lines AS line
WHERE line.endpoint IN (SELECT value FROM json_each(?1))
"""  # noqa: S608 - constant columns
_FIRST_FREE = f"""
SELECT next_slot, {_BEHIND_OTHER_CHATS.format(id="?1")} AS behind
FROM endpoint_lines WHERE endpoint = ?1
"""  # noqa: S608 - built from constants, values are bound
# The notice of a line that stands in another database: its burst is 0.
_KEEP_BACK = """
INSERT INTO endpoint_lines
  (endpoint, channel_type, throttled_until, next_slot, interval_ms, burst)
VALUES (?1, ?2, ?3, ?4, ?5, 0)
ON CONFLICT (endpoint) DO UPDATE SET
  throttled_until = MAX(throttled_until, ?3), next_slot = MAX(next_slot, ?4), burst = 0
"""
_CORRECT_NOTICE = """
UPDATE endpoint_lines SET throttled_until = ?3, next_slot = ?4, burst = 0
WHERE endpoint = ?1 AND next_slot = ?2
"""
# A line that begins when the endpoint takes calls again has nobody in it.
_DEPTHS = """
SELECT channel_type, COUNT(*) AS endpoints, MAX(next_slot) AS next_slot FROM endpoint_lines
WHERE next_slot > ?1 AND next_slot <> throttled_until AND burst > 0 GROUP BY channel_type
"""


def slot(*, end: str, user: str, channel: str, spaced: bool = False) -> str:
    """Write the SQL of the place that was just taken, as ISO text, but no later than `end` (ms).

    With `spaced`, a bot's chat also waits behind the other chats that were just throttled.
    """
    identity = endpoint_of(user=user, channel=channel)
    later = _BEHIND_OTHER_CHATS.format(id=identity) if spaced else "0"
    return _SLOT.format(end=end, id=identity, later=later)


def endpoint_of(*, user: str, channel: str) -> str:
    """Write the SQL of the id of the endpoint of a recipient's channel."""
    return _ID.format(user=user, channel=channel)


def line_condition(*, user: str, channel: str) -> str:
    """Write the SQL that finds the line of a recipient's channel."""
    return f"line.endpoint = {endpoint_of(user=user, channel=channel)}"


class Line(NamedTuple):
    """The line before one endpoint; moments are in ms since 1970.

    Attributes:
        endpoint: the endpoint's id; of a bot's chat it begins with the bot's, up to a dot.
        throttled_until: until when the endpoint asked not to be called.
        next_slot: the first free place.
        pace: how far the places lie apart.
    """

    endpoint: str
    throttled_until: int
    next_slot: int
    pace: Pace


class Obstacles(NamedTuple):
    """What stands before endpoints.

    Attributes:
        holds: the ends of the holds, as ISO text, by channel and user (empty: everybody).
        lines: the lines by recipient and channel; those that share an endpoint have one line.
    """

    holds: Mapping[Endpoint, str]
    lines: Mapping[Endpoint, Line]

    def held_until(self, user_id: str, channel: str) -> str | None:
        """Return until when an endpoint is held, as ISO text; None if it is not."""
        if not self.holds:
            return None
        names = {channel, base_channel(channel)}
        ends = [
            until
            for (held, user), until in self.holds.items()
            if held in names and user in ("", user_id)
        ]
        return max(ends, default=None)


NO_OBSTACLES = Obstacles({}, {})


def select_obstacles(user_ids: Iterable[str], now_ms: int) -> list[Statement]:
    """Select the holds, and the lines of some recipients in which somebody waits."""
    users = compact_json(list(user_ids))
    return [Statement(_HOLDS, (iso(now_ms),)), Statement(_LINES, (users, now_ms))]


def select_obstacles_of_rows(row_ids: str, now_ms: int) -> list[Statement]:
    """Select the holds, and the lines of the endpoints of some notifications (a JSON array)."""
    return [Statement(_HOLDS, (iso(now_ms),)), Statement(_LINES_OF_ROWS, (row_ids,))]


def read_obstacles(results: Sequence[Result]) -> Obstacles:
    """Read what the two statements of a selection found."""
    held, lines = results
    return Obstacles(
        {(str(r["channel_type"]), str(r["user_id"])): str(r["held_until"]) for r in held.rows},
        {(str(r["user_id"]), str(r["channel_type"])): read_line(r) for r in lines.rows},
    )


def select_lines(identities: str) -> Statement:
    """Select the lines of some endpoints, whose ids are a JSON array."""
    return Statement(_SELECT_LINES, (identities,))


def read_line(row: Row) -> Line:
    """Read a line, or the notice of one."""
    pace = Pace(int(row["interval_ms"]), max(int(row["burst"]), 1))
    throttled_until, next_slot = int(row["throttled_until"]), int(row["next_slot"])
    return Line(str(row["endpoint"]), throttled_until, next_slot, pace)


def take_slot(
    endpoint: Endpoint, pace: Pace, *, earliest_ms: int, throttled_until_ms: int = 0
) -> Statement:
    """Take the first free place at `earliest_ms` or later; `slot` reads it afterwards."""
    times = (throttled_until_ms, earliest_ms, pace.interval_ms, pace.burst)
    return Statement(_TAKE, (*endpoint, *times, base_channel(endpoint[1])))


def name_endpoint(endpoint: Endpoint, identity: str, since: str) -> Statement:
    """Store where a configuration leads, unless it was saved after `since` (ISO text)."""
    return Statement(_NAME, (*endpoint, identity, since))


class Places(NamedTuple):
    """Places to be taken in the line of an endpoint by its id, one behind the other.

    Attributes:
        identity: the endpoint's id.
        channel: its channel.
        pace: its pace.
        earliest_ms: before which none may lie.
        throttled_until_ms: until when the endpoint asks not to be called.
        size: how many.
        throttled_ms: when a bot throttled one of its chats, if the endpoint is one; else 0.
    """

    identity: str
    channel: str
    pace: Pace
    earliest_ms: int
    throttled_until_ms: int = 0
    size: int = 1
    throttled_ms: int = 0

    def statements(self) -> list[Statement]:
        """Return the statements that take the places; the last one is for `first`."""
        base, pace = base_channel(self.channel), self.pace
        times = (self.throttled_until_ms, self.earliest_ms, pace.interval_ms)
        take = Statement(_TAKE_OF, (self.identity, base, *times, pace.burst, self.size))
        following = Statement(_FIRST_FREE, (self.identity,))
        bot = bot_of(self.identity) if self.throttled_ms else ""
        if not bot:
            return [take, following]
        return [take_slot_of_bot(bot, self.channel, BOT_PACE, self.throttled_ms), take, following]

    def first(self, result: Result) -> int:
        """Return the first of the places, in ms since 1970."""
        [row] = result.rows
        behind = int(row["behind"]) if self.throttled_ms else 0
        return int(row["next_slot"]) - self.size * self.pace.interval_ms + behind


def keep_back(line: Line, channel: str) -> Statement:
    """Give notice of a line that stands in another database."""
    times = (line.throttled_until, line.next_slot, line.pace.interval_ms)
    return Statement(_KEEP_BACK, (line.endpoint, base_channel(channel), *times))


def correct_notice(notice: Line, line: Line) -> Statement:
    """Give notice of a line that is shorter now, unless it has grown since."""
    times = (notice.next_slot, line.throttled_until, line.next_slot)
    return Statement(_CORRECT_NOTICE, (line.endpoint, *times))


def take_slot_of_bot(bot: str, channel: str, pace: Pace, now_ms: int) -> Statement:
    """Take a place in the line of a bot that one of its chats throttles, from now on."""
    values = (bot, base_channel(channel), now_ms, pace.interval_ms, pace.burst)
    return Statement(_TAKE_OF_BOT, values)


def count_lines(now_ms: int) -> Statement:
    """Count, by channel, the endpoints before which somebody waits, and select the last place."""
    return Statement(_DEPTHS, (now_ms,))


def delete_idle_lines(now_ms: int) -> Statement:
    """Delete the lines that have been empty for an hour."""
    return Statement("DELETE FROM endpoint_lines WHERE next_slot < ?1", (now_ms - 3_600_000,))


def free_channels(channels: Iterable[str]) -> list[tuple[str, str]]:
    """Return each channel with its base: a hold may name either."""
    return [(channel, base_channel(channel)) for channel in channels]
