"""Chooses what becomes of a batch of retry messages, by their rows as they were read."""

from collections.abc import Sequence
from typing import NamedTuple

from notification.channels.channel import base_channel
from notification.channels.pace import BOT_PACE, bot_of, pace_of
from notification.delivery.endpoint_limiter import EndpointLimiter
from notification.delivery.endpoint_lines import Line, Obstacles
from notification.delivery.line_up import LineUp
from notification.delivery.retry_message import RetryMessage
from notification.delivery.row_snapshot import RowSnapshot, Snapshots
from notification.ports.platform import IncomingMessage
from notification.settings import Settings
from notification.timestamps import HOUR_MS, from_iso, iso

MAX_SUBREQUESTS = 50
"""What Cloudflare's free plan allows one invocation (Workers, "Limits": subrequests)."""
_SHARED = 5
"""Of these: reading the rows, claiming them, the postponed messages, and two repeated writes."""
_PER_ATTEMPT = 2
"""Beside an attempt's calls: writing the outcome, and queueing the message that follows."""
_NEXT_BATCH_MS = 1_000
SHORT_EARLY_MS = 60_000
"""A message that comes earlier than that gets a new one: the queue counts its repetitions."""
_MAX_PACED_MS = 4_000
"""How long an attempt waits for its turn inside an invocation."""
_PACED_AFTER_MS = 60_000
"""How long after its last place a line's pace is still kept."""
_DISABLED_MS = HOUR_MS
"""How often a notification over a channel that is switched off is looked at."""


class Retry(NamedTuple):
    """A message in the consumer's hands, and what it asks for."""

    message: IncomingMessage
    asked: RetryMessage


class Taken(NamedTuple):
    """A retry that is attempted in this invocation."""

    message: IncomingMessage
    asked: RetryMessage
    endpoint: str
    pause_ms: int = 0


class Choice(NamedTuple):
    """What becomes of a batch's messages.

    Attributes:
        taken: attempted now.
        postponed: queued again, each with the delay in its message.
        waiting: put behind a hold or into a line.
        early: given back to the queue for a short while, in seconds.
        gone: their rows were deleted.
        overtaken: their rows have been settled, or another message stands for them.
    """

    taken: list[Taken]
    postponed: list[Retry]
    waiting: list[tuple[IncomingMessage, LineUp]]
    early: list[tuple[Retry, int]]
    gone: list[Retry]
    overtaken: list[Retry]


def choose(
    retries: Sequence[Retry],
    snapshots: Snapshots,
    *,
    limiter: EndpointLimiter,
    settings: Settings,
    now_ms: int,
    max_subrequests: int = MAX_SUBREQUESTS,
) -> Choice:
    """Return what becomes of each message; the limiter counts those that are taken."""
    choice = Choice([], [], [], [], [], [])
    left = max_subrequests - _SHARED
    for retry in retries:
        message, asked = retry
        row = snapshots.rows.get(asked)
        if row is None:
            choice.gone.append(retry)
            continue
        early_ms = row.early_until_ms - now_ms
        if early_ms > SHORT_EARLY_MS:
            choice.postponed.append(Retry(message, asked._replace(delay_ms=early_ms)))
            continue
        if not row.due:
            if early_ms > 0:
                choice.early.append((retry, -(-early_ms // 1000)))
            else:
                choice.overtaken.append(retry)
            continue
        obstacle = _obstacle(asked, row, snapshots.obstacles, settings, now_ms)
        if obstacle is not None:
            choice.waiting.append((message, obstacle))
            continue
        wait_ms, pause_ms = _NEXT_BATCH_MS, 0
        cost = row.calls + _PER_ATTEMPT
        if cost <= left or not choice.taken:
            line = snapshots.obstacles.lines.get(row.recipient)
            wait_ms, pause_ms = _acquire(limiter, row.endpoint, line, now_ms)
        if wait_ms == 0:
            choice.taken.append(Taken(message, asked, row.endpoint, pause_ms))
            left -= cost
        else:
            choice.postponed.append(Retry(message, asked._replace(delay_ms=wait_ms)))
    return choice


def _obstacle(
    asked: RetryMessage, row: RowSnapshot, obstacles: Obstacles, settings: Settings, now_ms: int
) -> LineUp | None:
    """Return why a notification that is due must wait: a hold, or a throttled endpoint.

    The end of a notification's time is no attempt: it waits for nothing.
    """
    user_id, channel = row.recipient
    line = obstacles.lines.get(row.recipient)
    pace = line.pace if line else pace_of(channel, None, settings)
    held_until = obstacles.held_until(user_id, channel)
    if base_channel(channel) in settings.disabled_channels:
        held_until = max(held_until or "", iso(now_ms + _DISABLED_MS))
    if row.expires_ms <= now_ms:
        return None
    if held_until is not None:
        earliest_ms = from_iso(held_until)
        return LineUp(
            asked, row.recipient, row.endpoint, pace, earliest_ms, row.expires_ms, held_until
        )
    if line is not None and line.throttled_until > now_ms:
        return LineUp(
            asked, row.recipient, row.endpoint, pace, line.throttled_until, row.expires_ms
        )
    return None


def _acquire(
    limiter: EndpointLimiter, endpoint: str, line: Line | None, now_ms: int
) -> tuple[int, int]:
    """Return for how long to put an attempt off; if not at all, how long it pauses first."""
    if line is None or line.next_slot + _PACED_AFTER_MS < now_ms:
        return limiter.acquire(endpoint, now_ms), 0
    paces = [(endpoint, line.pace)]
    bot = bot_of(endpoint)
    if bot:
        paces.append((bot, BOT_PACE))
    pause_ms = max(limiter.pace_wait_ms(who, pace, now_ms) for who, pace in paces)
    if pause_ms > _MAX_PACED_MS:
        return pause_ms, 0
    wait_ms = limiter.acquire(endpoint, now_ms)
    if wait_ms == 0:
        for who, pace in paces:
            limiter.take_pace(who, pace, now_ms)
    return wait_ms, pause_ms
