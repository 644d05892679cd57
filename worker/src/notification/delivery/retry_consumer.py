"""The retry queue's consumer."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from notification.channels.channel import Verdict
from notification.configuration.config_reader import read_config
from notification.configuration.key_ring import KeyRing
from notification.delivery.alarm import Alarm, read_alarm
from notification.delivery.attempt import Outcome, attempt, endpoint_policy
from notification.delivery.claim import Claim, claim
from notification.delivery.incoming import IncomingMessage
from notification.delivery.notification import Notification
from notification.delivery.recorder import record
from notification.delivery.retry_limit import retry_limit
from notification.delivery.settlement import settle
from notification.journal import Log
from notification.ports.database import DatabaseError
from notification.ports.platform import Platform

REPEAT_AFTER_S = 30


class RetryConsumer:
    """Settles each message by its row, whatever the queue repeats, reorders or invents."""

    def __init__(self, platform: Platform, log: Log) -> None:
        self._platform = platform
        self._log = log
        self._keys = KeyRing(platform)

    async def consume(self, messages: Sequence[IncomingMessage]) -> None:
        """All messages at once, so that one slow endpoint delays no other. Never raises."""
        ringing = []
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
            claims = await claim([alarm for _, alarm in ringing], self._platform)
        except DatabaseError as error:
            self._log.write("error", "Claiming retries failed", error=str(error))
            for message, _ in ringing:
                message.retry(REPEAT_AFTER_S)
            return
        await asyncio.gather(
            *(self._settle(m, a, c) for (m, a), c in zip(ringing, claims, strict=True))
        )

    async def _settle(self, message: IncomingMessage, alarm: Alarm, claimed: Claim) -> None:
        try:
            if claimed.notification is None:
                outcome = self._set_aside(message, alarm, claimed)
            else:
                outcome = await self._deliver(claimed.notification, claimed)
                message.acknowledge()
        except Exception as error:
            outcome = f"failed with {type(error).__name__}"
            message.retry(REPEAT_AFTER_S)
        self._log.write(
            "info",
            f"Retry message: {outcome}",
            type="queue_message",
            queue=self._platform.settings.retry_queue_name,
            logId=alarm.log_id,
            retryCount=alarm.retry_count,
            outcome=outcome,
        )

    def _set_aside(self, message: IncomingMessage, alarm: Alarm, claimed: Claim) -> str:
        """Not ours to deliver: overtaken, cleared, a duplicate, or too early."""
        row = claimed.row
        if row is not None and row["retry_count"] == alarm.retry_count and row["next_retry_at"]:
            due = datetime.fromisoformat(str(row["next_retry_at"])).timestamp() * 1000
            early_ms = int(due) - self._platform.clock.now_ms()
            if early_ms > 0 and row["status"] == "retry":
                message.retry(-(-early_ms // 1000))
                return "early"
        message.acknowledge()
        return "gone" if row is None else "overtaken"

    async def _deliver(self, notification: Notification, claimed: Claim) -> str:
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
        settlement = settle(
            notification,
            outcome,
            max_retries=await retry_limit(platform) if outcome.verdict.retryable else 0,
            now_ms=platform.clock.now_ms(),
            randomness=platform.randomness,
        )
        await record([settlement], platform=platform, log=self._log)
        return settlement.status
