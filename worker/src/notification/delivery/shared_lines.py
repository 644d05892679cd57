"""The lines of endpoints where users are spread over several databases.

Recipients of different databases may share an endpoint. So its line stands in one database, its
home, by the endpoint's id; a bot's chats have the bot's. Who takes a place takes it there. The
other databases have a notice of the line, a row with the burst 0, which tells whoever sends to ask
the line: where nobody is throttled, nobody asks.

While users are moved, the home is the one that the endpoint will have: the notices have brought
the line there. Imported where there are several databases.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from notification.channels.pace import bot_of
from notification.compact_json import compact_json
from notification.delivery.endpoint_lines import (
    Endpoint,
    Line,
    Obstacles,
    Places,
    correct_notice,
    keep_back,
    read_line,
    select_lines,
)
from notification.errors import ServiceError
from notification.logging import Log
from notification.placement import shard_of
from notification.ports.database import DatabaseError, Row, Statement
from notification.ports.platform import Platform
from notification.storage.shards import current_placement
from notification.timestamps import iso

_OPEN = """
UPDATE endpoint_lines SET next_slot = MAX(?2, throttled_until)
WHERE next_slot > ?2 AND endpoint IN (SELECT value FROM json_each(?1))
"""
_LINES_OF_USERS = """
SELECT config.user_id, config.channel_type, line.endpoint,
  line.throttled_until, line.next_slot, line.interval_ms, line.burst FROM user_configs AS config
JOIN endpoint_lines AS line ON line.endpoint = config.endpoint
WHERE config.user_id IN (SELECT value FROM json_each(?1))
"""
_PLACE = """
UPDATE notification_logs SET next_retry_at = chosen.place
FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS place
      FROM json_each(?1)) AS chosen
WHERE notification_logs.id = chosen.id AND status = 'retry'
  AND (lease_until IS NULL OR lease_until <= ?2)
"""


async def take_places(wanted: Sequence[Places], platform: Platform) -> list[int]:
    """Take places in lines, wherever those stand, and return the first of each in ms since 1970.

    Who dies before the rows are there leaves places empty, and no place is given twice.

    Raises:
        DatabaseError: a line's database did not answer, and who asks has no places.
    """
    homes: dict[int, list[int]] = {}
    for number, each in enumerate(wanted):
        homes.setdefault(await home_of(each.identity, platform), []).append(number)
    places = dict[int, int]()
    for home, numbers in homes.items():
        groups = [wanted[number].statements() for number in numbers]
        results = iter(
            await platform.shards[home].database.batch([s for group in groups for s in group])
        )
        for number, group in zip(numbers, groups, strict=True):
            places[number] = wanted[number].first([next(results) for _ in group][-1])
    return [places[number] for number in range(len(wanted))]


async def tell(lines: Iterable[tuple[str, str]], platform: Platform, log: Log) -> None:
    """Give every database the notice of lines as they are now.

    Never raises: who isn't told is told with the next place, or by the endpoint itself.

    Args:
        lines: the ids of endpoints, each with its channel.
        platform: the platform.
        log: the log of the invocation.
    """
    try:
        homes: dict[int, dict[str, str]] = {}
        for identity, channel in lines:
            homes.setdefault(await home_of(identity, platform), {})[identity] = channel
        for home, of_home in homes.items():
            found = await _lines(of_home, platform.shards[home])
            notices = [keep_back(line, of_home[line.endpoint]) for line in found.values()]
            for other in platform.shards if notices else ():
                if other.shard != home:
                    await other.database.batch(notices)
    except DatabaseError as error:
        log.write("warn", "Telling of a throttled endpoint failed", error=str(error))


async def ask_lines(obstacles: Obstacles, platform: Platform) -> Obstacles:
    """Return the obstacles with the lines themselves in place of the notices.

    A notice that says more than its line, which was opened after a hold, is corrected.

    Raises:
        DatabaseError: a line's database did not answer.
    """
    homes: dict[int, list[Endpoint]] = {}
    for recipient, line in obstacles.lines.items():
        homes.setdefault(await home_of(line.endpoint, platform), []).append(recipient)
    lines = dict(obstacles.lines)
    outdated: list[Statement] = []
    for home, recipients in homes.items():
        if home == platform.shard:
            continue
        notices = {lines[recipient].endpoint: lines[recipient] for recipient in recipients}
        found = await _lines(notices, platform.shards[home])
        for recipient in recipients:
            notice = lines[recipient]
            # Without the line itself, which may have been taken before there were several
            # databases, the notice is what is known of it.
            lines[recipient] = line = found.get(notice.endpoint, notice)
            if line.next_slot < notice.next_slot:
                outdated.append(correct_notice(notice, line))
    if outdated:
        await platform.database.batch(outdated)
    return obstacles._replace(lines=lines)


async def open_lines(identities: Sequence[str], now_ms: int, platform: Platform) -> None:
    """Let lines begin now, or when their endpoints take calls again.

    Raises:
        DatabaseError: a line's database did not answer.
    """
    homes: dict[int, list[str]] = {}
    for identity in identities:
        homes.setdefault(await home_of(identity, platform), []).append(identity)
    for home, of_home in homes.items():
        opened = Statement(_OPEN, (compact_json(of_home), now_ms))
        await platform.shards[home].database.batch([opened])


class Released(NamedTuple):
    """Notifications of one database that no hold keeps any more.

    Attributes:
        platform: the platform with the database.
        rows: the notifications, as a release returns them.
        dues: when they are due by their database alone, in ms since 1970.
    """

    platform: Platform
    rows: Sequence[Row]
    dues: Sequence[int]


async def place_released(
    parts: Sequence[Released], platform: Platform, log: Log
) -> list[list[int]]:
    """Put what several databases let go on into one line for each endpoint, the oldest first.

    Never raises: those that aren't placed here, or in a line that can't be reached, go out beside
    others.

    Returns:
        When they are due.
    """
    placed = [list(part.dues) for part in parts]
    groups: dict[str, list[_Spot]] = {}
    lines: dict[str, Line] = {}
    try:
        for number, part in enumerate(parts):
            for spot, line in await _spots(part, number):
                known = lines.get(line.endpoint)
                # A notice doesn't tell the burst of its line.
                if known is None or known.pace.burst < line.pace.burst:
                    lines[line.endpoint] = line
                groups.setdefault(line.endpoint, []).append(spot)
        wanted = [
            Places(identity, spots[0].channel, lines[identity].pace, min(s.due_ms for s in spots))
            for identity, spots in groups.items()
        ]
        wanted = [each._replace(size=len(groups[each.identity])) for each in wanted]
        for each, first_ms in zip(wanted, await _first_places(wanted, platform, log), strict=True):
            for place, spot in enumerate(sorted(groups[each.identity])):
                placed[spot.part][spot.number] = first_ms + place * each.pace.interval_ms
        for part, dues in zip(parts, placed, strict=True):
            await _move(part, dues)
    except DatabaseError as error:
        log.write("warn", "Placing what a hold lets go failed", error=str(error))
        return [list(part.dues) for part in parts]
    await tell([(each.identity, each.channel) for each in wanted], platform, log)
    return placed


async def _first_places(wanted: Sequence[Places], platform: Platform, log: Log) -> list[int]:
    """Take places for what is let go already; if a line can't be reached, it counts as empty."""
    try:
        return await take_places(wanted, platform)
    except DatabaseError as error:
        log.write("warn", "Taking places in line failed", error=str(error))
        return [each.earliest_ms for each in wanted]


class _Spot(NamedTuple):
    """A notification that goes on; they sort by age."""

    row_id: int
    part: int
    number: int
    channel: str
    due_ms: int


async def _spots(part: Released, number: int) -> list[tuple[_Spot, Line]]:
    """Return the notifications of a part whose endpoints have lines."""
    users = compact_json(sorted({str(row["user_id"]) for row in part.rows}))
    [found] = await part.platform.database.batch([Statement(_LINES_OF_USERS, (users,))])
    lines = {(str(r["user_id"]), str(r["channel_type"])): read_line(r) for r in found.rows}
    spots = []
    for at, (row, due_ms) in enumerate(zip(part.rows, part.dues, strict=True)):
        channel = str(row["channel_type"])
        line = lines.get((str(row["user_id"]), channel))
        if line is not None:
            spots.append((_Spot(int(row["id"]), number, at, channel, due_ms), line))
    return spots


async def _move(part: Released, dues: Sequence[int]) -> None:
    """Write the places of those that have another one than their database gave them."""
    moved = [
        [row["id"], iso(due_ms)]
        for row, before, due_ms in zip(part.rows, part.dues, dues, strict=True)
        if due_ms != before
    ]
    if moved:
        now = iso(part.platform.clock.now_ms())
        await part.platform.database.batch([Statement(_PLACE, (compact_json(moved), now))])


async def _lines(identities: Iterable[str], home: Platform) -> dict[str, Line]:
    [found] = await home.database.batch([select_lines(compact_json(list(identities)))])
    return {line.endpoint: line for line in map(read_line, found.rows)}


async def home_of(identity: str, platform: Platform) -> int:
    """Return the number of the database of a line; what is one recipient's stays in his.

    Raises:
        DatabaseError: the placement can't be read.
    """
    if " " in identity:
        return platform.shard
    try:
        placement = await current_placement(platform)
    except ServiceError as error:
        raise DatabaseError(str(error)) from None
    n = placement.moving_to or placement.n
    # A version that doesn't know all databases is about to be replaced.
    return shard_of(bot_of(identity) or identity, min(n, len(platform.shards)))
