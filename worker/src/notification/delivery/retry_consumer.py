"""The retry queue's consumer."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from notification.channels.channel import base_channel
from notification.channels.endpoint import EndpointPolicy
from notification.channels.pace import pace_of
from notification.channels.quiet_hours import quiet_until
from notification.configuration.channel_config import read_config
from notification.configuration.key_ring import KeyRing
from notification.delivery.attempt import not_configured
from notification.delivery.claim import Claim, claim
from notification.delivery.endpoint_limiter import EndpointLimiter
from notification.delivery.endpoint_lines import Endpoint, Line, Obstacles
from notification.delivery.line_up import LineUp, line_up
from notification.delivery.notification import MAX_DEATHS, Notification
from notification.delivery.recorder import record
from notification.delivery.retry_message import RetryMessage, enqueue, parse_retry_message
from notification.delivery.row_snapshot import RowSnapshot, Snapshots, load_snapshots
from notification.delivery.settlement import (
    attempt_and_settle,
    expire,
    give_up_on,
    settle,
    wait_until,
)
from notification.logging import Log
from notification.ports.database import DatabaseError
from notification.ports.platform import IncomingMessage, Platform
from notification.storage.metered import usage_of
from notification.timestamps import HOUR_MS, from_iso, iso

REPEAT_AFTER_S = 30
MAX_SUBREQUESTS = 50
"""What Cloudflare's free plan allows one invocation (Workers, "Limits": subrequests)."""
_SHARED = 5
"""Of these: reading the rows, claiming them, the postponed messages, and two repeated writes."""
_PER_ATTEMPT = 2
"""Beside an attempt's calls: writing the outcome, and queueing the message that follows."""
_MIN_SPREAD_MS = 2_000
_NEXT_BATCH_MS = 1_000
_SHORT_EARLY_MS = 60_000
"""A message that comes earlier than that gets a new one: the queue counts its repetitions."""
_MAX_PACED_MS = 4_000
"""How long an attempt waits for its turn inside an invocation."""
_PACED_AFTER_MS = 60_000
"""How long after its last place a line's pace is still kept."""
_DISABLED_MS = HOUR_MS
"""How often a notification over a channel that is switched off is looked at."""


class _Retry(NamedTuple):
    """A message in the consumer's hands, and what it asks for."""

    message: IncomingMessage
    asked: RetryMessage


class _Taken(NamedTuple):
    """A retry that is attempted in this invocation."""

    message: IncomingMessage
    asked: RetryMessage
    endpoint: Endpoint
    pause_ms: int = 0


class _Chosen(NamedTuple):
    """What becomes of a batch's messages, the settled ones apart.

    Attributes:
        taken: attempted now.
        postponed: queued again, each with the delay in its message.
        waiting: put behind a hold or into a line.
    """

    taken: list[_Taken]
    postponed: list[_Retry]
    waiting: list[tuple[IncomingMessage, LineUp]]


class RetryConsumer:
    """Settles each message by its row, whatever the queue repeats, reorders or invents."""

    def __init__(self, platform: Platform, log: Log) -> None:
        self._platform = platform
        self._log = log
        self._keys = KeyRing(platform)
        self._limiter = platform.memory.of(EndpointLimiter)

    async def consume(self, messages: Sequence[IncomingMessage]) -> None:
        """Make all attempts at once, so that a slow endpoint delays no other one. Never raises.

        Attempts beyond an endpoint's limit or the invocation's budget get a new message each.
        """
        retries: list[_Retry] = []
        for message in messages:
            asked = parse_retry_message(message.body)
            if asked is None:
                self._log.write("error", "Unreadable queue message dropped", type="queue_message")
                message.acknowledge()
            else:
                retries.append(_Retry(message, asked))
        if not retries:
            return
        try:
            snapshots = await load_snapshots([retry.asked for retry in retries], self._platform)
        except DatabaseError as error:
            self._repeat([retry.message for retry in retries], error)
            return
        now_ms = self._platform.clock.now_ms()
        chosen = self._choose(retries, snapshots, now_ms)
        await self._postpone(chosen.postponed)
        if chosen.waiting:
            await self._line_up(chosen.waiting)
        if chosen.taken:
            await self._attempt_all(chosen.taken, snapshots.max_retries, now_ms)

    def _choose(
        self,
        retries: Sequence[_Retry],
        snapshots: Snapshots,
        now_ms: int,
    ) -> _Chosen:
        """Return what becomes of the messages whose rows are due; settle all others."""
        chosen = _Chosen([], [], [])
        left = MAX_SUBREQUESTS - _SHARED
        for message, asked in retries:
            row = snapshots.rows.get(asked)
            early_ms = row.early_until_ms - now_ms if row else 0
            if early_ms > _SHORT_EARLY_MS:
                chosen.postponed.append(_Retry(message, asked._replace(delay_ms=early_ms)))
                continue
            if row is None or not row.due:
                self._log_outcome(asked, self._set_aside(message, row, early_ms))
                continue
            obstacle = self._obstacle(asked, row, snapshots.obstacles, now_ms)
            if obstacle is not None:
                chosen.waiting.append((message, obstacle))
                continue
            wait_ms, pause_ms = _NEXT_BATCH_MS, 0
            cost = row.calls + _PER_ATTEMPT
            if cost <= left or not chosen.taken:
                line = snapshots.obstacles.lines.get(row.endpoint)
                wait_ms, pause_ms = self._acquire(row.endpoint, line, now_ms)
            if wait_ms == 0:
                chosen.taken.append(_Taken(message, asked, row.endpoint, pause_ms))
                left -= cost
            else:
                chosen.postponed.append(_Retry(message, asked._replace(delay_ms=wait_ms)))
        return chosen

    def _obstacle(
        self, asked: RetryMessage, row: RowSnapshot, obstacles: Obstacles, now_ms: int
    ) -> LineUp | None:
        """Return why a notification that is due must wait: a hold, or a throttled endpoint.

        The end of a notification's time is no attempt: it waits for nothing.
        """
        user_id, channel = row.endpoint
        line = obstacles.lines.get(row.endpoint)
        pace = line.pace if line else pace_of(channel, None, self._platform.settings)
        held_until = obstacles.held_until(user_id, channel)
        if base_channel(channel) in self._platform.settings.disabled_channels:
            held_until = max(held_until or "", iso(now_ms + _DISABLED_MS))
        if row.expires_ms <= now_ms:
            return None
        if held_until is not None:
            earliest_ms = from_iso(held_until)
            return LineUp(asked, row.endpoint, pace, earliest_ms, row.expires_ms, held_until)
        if line is not None and line.throttled_until > now_ms:
            return LineUp(asked, row.endpoint, pace, line.throttled_until, row.expires_ms)
        return None

    def _acquire(self, endpoint: Endpoint, line: Line | None, now_ms: int) -> tuple[int, int]:
        """Return for how long to put an attempt off; if not at all, how long it pauses first."""
        if line is None or line.next_slot + _PACED_AFTER_MS < now_ms:
            return self._limiter.acquire(endpoint, now_ms), 0
        pause_ms = self._limiter.pace_wait_ms(endpoint, line.pace, now_ms)
        if pause_ms > _MAX_PACED_MS:
            return pause_ms, 0
        wait_ms = self._limiter.acquire(endpoint, now_ms)
        if wait_ms == 0:
            self._limiter.take_pace(endpoint, line.pace, now_ms)
        return wait_ms, pause_ms

    def _set_aside(self, message: IncomingMessage, row: RowSnapshot | None, early_ms: int) -> str:
        """Settle a message whose row is not due: deleted, out of date, settled, or too early."""
        if early_ms > 0:
            message.retry(-(-early_ms // 1000))
            return "early"
        message.acknowledge()
        return "gone" if row is None else "overtaken"

    async def _line_up(self, waiting: Sequence[tuple[IncomingMessage, LineUp]]) -> None:
        """Give the notifications their places; the queue wakes them then, else the sweep."""
        try:
            later = await line_up([each for _, each in waiting], self._platform)
        except DatabaseError as error:
            self._repeat([message for message, _ in waiting], error)
            return
        if later:
            await enqueue(self._platform.retry_queue, later, platform=self._platform, log=self._log)
        for message, each in waiting:
            message.acknowledge()
            self._log_outcome(each.asked, "held" if each.held_until else "throttled")

    async def _postpone(self, retries: Sequence[_Retry]) -> None:
        """Queue new messages, spread over time; acknowledge the old ones once they are queued."""
        if not retries:
            return
        later = []
        for _, asked in retries:
            if asked.delay_ms > _SHORT_EARLY_MS:
                later.append(asked)
                continue
            spread = int.from_bytes(self._platform.randomness.token_bytes(2), "big") / 0xFFFF
            spread_ms = round(spread * max(asked.delay_ms, _MIN_SPREAD_MS))
            later.append(asked._replace(delay_ms=asked.delay_ms + spread_ms))
        queued = await enqueue(
            self._platform.retry_queue, later, platform=self._platform, log=self._log
        )
        for message, asked in retries:
            if queued:
                message.acknowledge()
            else:
                message.retry(REPEAT_AFTER_S)
            self._log_outcome(asked, "put off")

    async def _attempt_all(
        self, taken: Sequence[_Taken], max_retries: int, acquired_ms: int
    ) -> None:
        try:
            claims = await claim([t.asked for t in taken], self._platform)
        except DatabaseError as error:
            for t in taken:
                self._limiter.cancel(t.endpoint, acquired_ms)
            self._repeat([t.message for t in taken], error)
            return
        await asyncio.gather(
            *(
                self._settle(t, c, max_retries, acquired_ms)
                for t, c in zip(taken, claims, strict=True)
            )
        )

    def _repeat(self, messages: Sequence[IncomingMessage], error: DatabaseError) -> None:
        self._log.write("error", "Claiming retries failed", error=str(error))
        for message in messages:
            message.retry(REPEAT_AFTER_S)

    async def _settle(
        self, taken: _Taken, claimed: Claim, max_retries: int, acquired_ms: int
    ) -> None:
        try:
            if claimed.notification is None:
                self._limiter.cancel(taken.endpoint, acquired_ms)
                outcome = "overtaken"
            else:
                if taken.pause_ms:
                    await self._platform.clock.sleep(taken.pause_ms)
                outcome = await self._deliver(
                    claimed.notification, claimed, max_retries, taken, acquired_ms
                )
            taken.message.acknowledge()
        except Exception as error:
            self._limiter.cancel(taken.endpoint, acquired_ms)
            outcome = f"failed with {type(error).__name__}"
            taken.message.retry(REPEAT_AFTER_S)
        self._log_outcome(taken.asked, outcome)

    def _log_outcome(self, asked: RetryMessage, outcome: str) -> None:
        self._log.write(
            "info",
            f"Retry message: {outcome}",
            type="queue_message",
            queue=self._platform.settings.retry_queue_name,
            logId=asked.log_id,
            retryCount=asked.retry_count,
            outcome=outcome,
            **usage_of(self._platform.database),
        )

    async def _deliver(
        self,
        notification: Notification,
        claimed: Claim,
        max_retries: int,
        taken: _Taken,
        acquired_ms: int,
    ) -> str:
        platform = self._platform
        if platform.clock.now_ms() >= notification.expires_ms:
            settlement = expire(notification, platform)
        elif notification.deaths >= MAX_DEATHS:
            settlement = give_up_on(notification, platform)
        elif claimed.config_row is None:
            outcome = not_configured(notification, platform)
            settlement = settle(notification, outcome, waits=(), platform=platform)
        else:
            config = (await read_config(claimed.config_row, self._keys)).config
            now_ms = platform.clock.now_ms()
            quiet_ms = None if notification.urgent else quiet_until(config, now_ms)
            if quiet_ms is not None:
                settlement = wait_until(notification, quiet_ms, platform)
            else:
                settlement = await attempt_and_settle(
                    notification,
                    config,
                    platform=platform,
                    policy=EndpointPolicy.of(platform.settings),
                    log=self._log,
                    max_retries=max_retries,
                )
        ended_ms = platform.clock.now_ms() - taken.pause_ms
        self._limiter.release(taken.endpoint, acquired_ms, ended_ms)
        await record([settlement], platform=platform, log=self._log)
        return settlement.status
