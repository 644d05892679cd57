"""The retry queue's consumer."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from notification.channels.channel import Verdict
from notification.configuration.config_reader import read_config
from notification.configuration.key_ring import KeyRing
from notification.delivery.alarm import Alarm, read_alarm, ring
from notification.delivery.attempt import Outcome, attempt, endpoint_policy
from notification.delivery.claim import Claim, claim
from notification.delivery.endpoint_pace import Endpoint
from notification.delivery.incoming import IncomingMessage
from notification.delivery.look import Glance, look
from notification.delivery.notification import Notification
from notification.delivery.recorder import record
from notification.delivery.settlement import settle
from notification.journal import Log
from notification.ports.database import DatabaseError
from notification.ports.platform import Platform

REPEAT_AFTER_S = 30
SUBREQUESTS = 50
"""What the platform's free plan allows one invocation."""
_SHARED = 5
"""Of these: the look, the claim, the put-off alarms, and two writes that had to be repeated."""
_PER_ATTEMPT = 2
"""Beside its calls: writing the outcome, and the alarm or dead letter that follows."""
_LEAST_SPREAD_MS = 2_000
_NEXT_BATCH_MS = 1_000

Ringing = tuple[IncomingMessage, Alarm]


class _Taken(NamedTuple):
    message: IncomingMessage
    alarm: Alarm
    endpoint: Endpoint


class RetryConsumer:
    """Settles each message by its row, whatever the queue repeats, reorders or invents."""

    def __init__(self, platform: Platform, log: Log) -> None:
        self._platform = platform
        self._log = log
        self._keys = KeyRing(platform)

    async def consume(self, messages: Sequence[IncomingMessage]) -> None:
        """All attempts at once, so that one slow endpoint delays no other. Never raises.

        What one endpoint may not have at once, and what one invocation may not do, is handed on to
        an alarm of its own.
        """
        ringing: list[Ringing] = []
        for message in messages:
            alarm = read_alarm(message.body)
            if alarm is None:
                self._log.write("error", "Unreadable queue message dropped", type="queue_message")
                message.acknowledge()
            else:
                ringing.append((message, alarm))
        if not ringing:
            return
        try:
            glances, most = await look([alarm for _, alarm in ringing], self._platform)
        except DatabaseError as error:
            self._repeat([message for message, _ in ringing], error)
            return
        now_ms = self._platform.clock.now_ms()
        taken, later = self._share_out(ringing, glances, now_ms)
        await self._put_off(later)
        if taken:
            await self._attempt(taken, most, now_ms)

    def _share_out(
        self, ringing: Sequence[Ringing], glances: dict[Alarm, Glance], now_ms: int
    ) -> tuple[list[_Taken], list[tuple[IncomingMessage, Alarm]]]:
        """What is attempted now, and what rings again; all else is settled here."""
        taken: list[_Taken] = []
        later: list[tuple[IncomingMessage, Alarm]] = []
        left = SUBREQUESTS - _SHARED
        for message, alarm in ringing:
            glance = glances.get(alarm)
            if glance is None or not glance.due:
                self._tell(alarm, self._set_aside(message, glance))
                continue
            wait_ms = _NEXT_BATCH_MS
            cost = glance.calls + _PER_ATTEMPT
            if cost <= left or not taken:
                wait_ms = self._platform.known_endpoints.begin(glance.endpoint, now_ms)
            if wait_ms == 0:
                taken.append(_Taken(message, alarm, glance.endpoint))
                left -= cost
            else:
                later.append((message, alarm._replace(delay_ms=wait_ms)))
        return taken, later

    def _set_aside(self, message: IncomingMessage, glance: Glance | None) -> str:
        """Not to be delivered now: gone, overtaken, cleared, a duplicate, or too early."""
        if glance is not None and glance.early_until is not None:
            due = datetime.fromisoformat(glance.early_until).timestamp() * 1000
            early_ms = max(round(due) - self._platform.clock.now_ms(), 1)
            message.retry(-(-early_ms // 1000))
            return "early"
        message.acknowledge()
        return "gone" if glance is None else "overtaken"

    async def _put_off(self, later: Sequence[tuple[IncomingMessage, Alarm]]) -> None:
        """Let them ring again, spread out; the old message goes once the new one is there."""
        if not later:
            return
        alarms = []
        for _, alarm in later:
            spread = int.from_bytes(self._platform.randomness.token_bytes(2), "big") / 0xFFFF
            most_ms = max(alarm.delay_ms, _LEAST_SPREAD_MS)
            alarms.append(alarm._replace(delay_ms=alarm.delay_ms + round(spread * most_ms)))
        rung = await ring(
            self._platform.retry_queue, alarms, platform=self._platform, log=self._log
        )
        for message, alarm in later:
            if rung:
                message.acknowledge()
            else:
                message.retry(REPEAT_AFTER_S)
            self._tell(alarm, "put off")

    async def _attempt(self, taken: Sequence[_Taken], most: int, began_ms: int) -> None:
        paces = self._platform.known_endpoints
        try:
            claims = await claim([t.alarm for t in taken], self._platform)
        except DatabaseError as error:
            for t in taken:
                paces.abandon(t.endpoint, began_ms)
            self._repeat([t.message for t in taken], error)
            return
        await asyncio.gather(
            *(self._settle(t, c, most, began_ms) for t, c in zip(taken, claims, strict=True))
        )

    def _repeat(self, messages: Sequence[IncomingMessage], error: DatabaseError) -> None:
        self._log.write("error", "Claiming retries failed", error=str(error))
        for message in messages:
            message.retry(REPEAT_AFTER_S)

    async def _settle(self, taken: _Taken, claimed: Claim, most: int, began_ms: int) -> None:
        paces = self._platform.known_endpoints
        try:
            if claimed.notification is None:
                paces.abandon(taken.endpoint, began_ms)
                outcome = "overtaken"
            else:
                outcome = await self._deliver(claimed.notification, claimed, most, began_ms)
            taken.message.acknowledge()
        except Exception as error:
            paces.abandon(taken.endpoint, began_ms)
            outcome = f"failed with {type(error).__name__}"
            taken.message.retry(REPEAT_AFTER_S)
        self._tell(taken.alarm, outcome)

    def _tell(self, alarm: Alarm, outcome: str) -> None:
        self._log.write(
            "info",
            f"Retry message: {outcome}",
            type="queue_message",
            queue=self._platform.settings.retry_queue_name,
            logId=alarm.log_id,
            retryCount=alarm.retry_count,
            outcome=outcome,
        )

    async def _deliver(
        self, notification: Notification, claimed: Claim, most: int, began_ms: int
    ) -> str:
        platform = self._platform
        if claimed.config_row is None:
            text = f"No active configuration for channel {notification.channel}"
            verdict = Verdict(accepted=False, error=text, code="CHANNEL_NOT_CONFIGURED")
            outcome = Outcome(verdict, platform.clock.now_ms(), 0, None)
        else:
            config = await read_config(claimed.config_row, self._keys)
            outcome = await attempt(
                notification,
                config.config,
                platform=platform,
                policy=endpoint_policy(platform),
                log=self._log,
            )
        endpoint = (notification.message.user_id, notification.channel)
        platform.known_endpoints.end(endpoint, began_ms, platform.clock.now_ms())
        settlement = settle(
            notification,
            outcome,
            max_retries=most,
            now_ms=platform.clock.now_ms(),
            randomness=platform.randomness,
        )
        await record([settlement], platform=platform, log=self._log)
        return settlement.status
