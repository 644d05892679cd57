"""The retry queue's consumer."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from notification.channels.endpoint import EndpointPolicy
from notification.configuration.channel_config import read_config
from notification.configuration.key_ring import KeyRing
from notification.delivery.attempt import not_configured
from notification.delivery.claim import Claim, claim
from notification.delivery.endpoint_limiter import Endpoint, EndpointLimiter
from notification.delivery.notification import Notification
from notification.delivery.recorder import record
from notification.delivery.retry_message import RetryMessage, enqueue, parse_retry_message
from notification.delivery.row_snapshot import RowSnapshot, load_snapshots
from notification.delivery.settlement import attempt_and_settle, expire, settle
from notification.logging import Log
from notification.ports.database import DatabaseError
from notification.ports.platform import IncomingMessage, Platform
from notification.storage.metered import usage_of
from notification.timestamps import from_iso

REPEAT_AFTER_S = 30
MAX_SUBREQUESTS = 50
"""What Cloudflare's free plan allows one invocation (Workers, "Limits": subrequests)."""
_SHARED = 5
"""Of these: reading the rows, claiming them, the postponed messages, and two repeated writes."""
_PER_ATTEMPT = 2
"""Beside an attempt's calls: writing the outcome, and queueing the message that follows."""
_MIN_SPREAD_MS = 2_000
_NEXT_BATCH_MS = 1_000


class _Retry(NamedTuple):
    """A message in the consumer's hands, and what it asks for."""

    message: IncomingMessage
    asked: RetryMessage


class _Taken(NamedTuple):
    """A retry that is attempted in this invocation."""

    message: IncomingMessage
    asked: RetryMessage
    endpoint: Endpoint


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
            snapshots, max_retries = await load_snapshots(
                [retry.asked for retry in retries], self._platform
            )
        except DatabaseError as error:
            self._repeat([retry.message for retry in retries], error)
            return
        now_ms = self._platform.clock.now_ms()
        taken, postponed = self._choose(retries, snapshots, now_ms)
        await self._postpone(postponed)
        if taken:
            await self._attempt_all(taken, max_retries, now_ms)

    def _choose(
        self,
        retries: Sequence[_Retry],
        snapshots: Mapping[RetryMessage, RowSnapshot],
        now_ms: int,
    ) -> tuple[list[_Taken], list[_Retry]]:
        """Return what to attempt now and what to postpone; settle all other messages."""
        taken: list[_Taken] = []
        postponed: list[_Retry] = []
        left = MAX_SUBREQUESTS - _SHARED
        for message, asked in retries:
            row = snapshots.get(asked)
            if row is None or not row.due:
                self._log_outcome(asked, self._set_aside(message, row))
                continue
            wait_ms = _NEXT_BATCH_MS
            cost = row.calls + _PER_ATTEMPT
            if cost <= left or not taken:
                wait_ms = self._limiter.acquire(row.endpoint, now_ms)
            if wait_ms == 0:
                taken.append(_Taken(message, asked, row.endpoint))
                left -= cost
            else:
                postponed.append(_Retry(message, asked._replace(delay_ms=wait_ms)))
        return taken, postponed

    def _set_aside(self, message: IncomingMessage, row: RowSnapshot | None) -> str:
        """Settle a message whose row is not due: deleted, out of date, settled, or too early."""
        if row is not None and row.early_until is not None:
            early_ms = max(from_iso(row.early_until) - self._platform.clock.now_ms(), 1)
            message.retry(-(-early_ms // 1000))
            return "early"
        message.acknowledge()
        return "gone" if row is None else "overtaken"

    async def _postpone(self, retries: Sequence[_Retry]) -> None:
        """Queue new messages, spread over time; acknowledge the old ones once they are queued."""
        if not retries:
            return
        later = []
        for _, asked in retries:
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
                outcome = await self._deliver(
                    claimed.notification, claimed, max_retries, acquired_ms
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
        self, notification: Notification, claimed: Claim, max_retries: int, acquired_ms: int
    ) -> str:
        platform = self._platform
        if platform.clock.now_ms() >= notification.expires_ms:
            settlement = expire(notification, platform)
        elif claimed.config_row is None:
            outcome = not_configured(notification, platform)
            settlement = settle(notification, outcome, max_retries=max_retries, platform=platform)
        else:
            config = await read_config(claimed.config_row, self._keys)
            settlement = await attempt_and_settle(
                notification,
                config.config,
                platform=platform,
                policy=EndpointPolicy.of(platform.settings),
                log=self._log,
                max_retries=max_retries,
            )
        endpoint = (notification.message.user_id, notification.channel)
        self._limiter.release(endpoint, acquired_ms, platform.clock.now_ms())
        await record([settlement], platform=platform, log=self._log)
        return settlement.status
