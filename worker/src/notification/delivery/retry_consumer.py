"""The retry queue's consumer."""

import asyncio
from collections.abc import Sequence

from notification.channels.endpoint import EndpointPolicy
from notification.channels.quiet_hours import quiet_until
from notification.configuration.channel_config import read_config
from notification.configuration.key_ring import KeyRing
from notification.delivery.attempt import not_configured
from notification.delivery.claim import Claim, claim
from notification.delivery.endpoint_limiter import EndpointLimiter
from notification.delivery.line_up import LineUp, line_up
from notification.delivery.notification import MAX_DEATHS, Notification
from notification.delivery.recorder import record
from notification.delivery.retry_choice import (
    MAX_SUBREQUESTS,
    SHORT_EARLY_MS,
    Choice,
    Retry,
    Taken,
    choose,
)
from notification.delivery.retry_message import RetryMessage, enqueue, parse_retry_message
from notification.delivery.row_snapshot import load_snapshots
from notification.delivery.settle import attempt_and_settle, expire, give_up_on, settle, wait_until
from notification.logging import Log
from notification.ports.database import DatabaseError
from notification.ports.platform import IncomingMessage, Platform
from notification.storage.metered import usage_of

REPEAT_AFTER_S = 30
_MIN_SPREAD_MS = 2_000


class RetryConsumer:
    """Settles each message by its row, whatever the queue repeats, reorders or invents.

    Args:
        platform: the platform with the database that holds the rows.
        log: the log of the invocation.
        shares: how many consumers share the invocation's calls, one for each database.
    """

    def __init__(self, platform: Platform, log: Log, *, shares: int = 1) -> None:
        self._platform = platform
        self._log = log
        self._keys = KeyRing(platform)
        self._shares = shares
        self._limiter = platform.memory.of(EndpointLimiter)

    async def consume(self, messages: Sequence[IncomingMessage]) -> None:
        """Make all attempts at once, so that a slow endpoint delays no other one. Never raises.

        Attempts beyond an endpoint's limit or the invocation's budget get a new message each.
        """
        retries: list[Retry] = []
        for message in messages:
            asked = parse_retry_message(message.body)
            if asked is None:
                self._log.write("error", "Unreadable queue message dropped", type="queue_message")
                message.acknowledge()
            else:
                retries.append(Retry(message, asked))
        if not retries:
            return
        try:
            snapshots = await load_snapshots([retry.asked for retry in retries], self._platform)
        except DatabaseError as error:
            self._repeat([retry.message for retry in retries], error)
            return
        now_ms = self._platform.clock.now_ms()
        chosen = choose(
            retries,
            snapshots,
            limiter=self._limiter,
            settings=self._platform.settings,
            now_ms=now_ms,
            max_subrequests=self._max_subrequests(),
        )
        self._settle_idle(chosen)
        await self._postpone(chosen.postponed)
        if chosen.waiting:
            await self._line_up(chosen.waiting)
        if chosen.taken:
            await self._attempt_all(chosen.taken, snapshots.max_retries, now_ms)

    def _max_subrequests(self) -> int:
        """Return this consumer's share; where there are several databases, each was asked once."""
        asked = len(self._platform.shards) if self._platform.is_sharded else 0
        return (MAX_SUBREQUESTS - asked) // self._shares

    def _settle_idle(self, chosen: Choice) -> None:
        """Settle the messages that nothing is to be done for: too early, or out of date."""
        for retry, seconds in chosen.early:
            retry.message.retry(seconds)
            self._log_outcome(retry.asked, "early")
        for outcome, retries in (("gone", chosen.gone), ("overtaken", chosen.overtaken)):
            for retry in retries:
                retry.message.acknowledge()
                self._log_outcome(retry.asked, outcome)

    async def _line_up(self, waiting: Sequence[tuple[IncomingMessage, LineUp]]) -> None:
        """Give the notifications their places; the queue wakes them then, else the sweep."""
        try:
            later = await line_up([each for _, each in waiting], self._platform, self._log)
        except DatabaseError as error:
            self._repeat([message for message, _ in waiting], error)
            return
        if later:
            await enqueue(self._platform.retry_queue, later, platform=self._platform, log=self._log)
        for message, each in waiting:
            message.acknowledge()
            self._log_outcome(each.asked, "held" if each.held_until else "throttled")

    async def _postpone(self, retries: Sequence[Retry]) -> None:
        """Queue new messages, spread over time; acknowledge the old ones once they are queued."""
        if not retries:
            return
        later = []
        for _, asked in retries:
            if asked.delay_ms > SHORT_EARLY_MS:
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
        self, taken: Sequence[Taken], max_retries: int, acquired_ms: int
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
        self, taken: Taken, claimed: Claim, max_retries: int, acquired_ms: int
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
        taken: Taken,
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
