"""One queue's delivery loop: batches, concurrency, retries, dead letters, retention."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.broker.message_store import Message, MessageStore
from localcloud.broker.settlement import settle
from localcloud.clock import VirtualClock
from localcloud.desired_state import DesiredState
from localcloud.errors import RuntimeDown
from localcloud.host_client import HostError
from localcloud.version_split import draw

MAX_CONCURRENT = 10  # bound on this machine; Cloudflare goes to 250
_DEFAULT_CONCURRENT = 4
_MAX_SLEEP = 60.0
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)  # real seconds between tries while the runtime can't be reached
_NOT_DELIVERED = {404, 409, 503}  # the host knows no such running version: nothing was delivered

log = logging.getLogger("localcloud.broker")


@dataclass(frozen=True)
class Consumer:
    """Cloudflare's settings of a consumer, in the units that their names say."""

    script: str
    dead_letter_queue_id: str | None
    batch_size: int
    max_concurrency: int | None
    max_retries: int
    max_wait_time_ms: int
    retry_delay: int


@dataclass(frozen=True)
class ConsumerSettings:
    """A queue and its consumer, which may be missing."""

    queue_id: str
    queue_name: str
    paused: bool
    retention_s: int
    consumer: Consumer | None


class QueueConsumer:
    """Delivers the messages of one queue for as long as it isn't stopped."""

    def __init__(
        self,
        settings: ConsumerSettings,
        store: MessageStore,
        clock: VirtualClock,
        desired: DesiredState,
        chance: random.Random,
        *,
        on_dead_letter: Callable[[str], None],
    ) -> None:
        self._on_dead_letter = on_dead_letter
        self._settings = settings
        self._store = store
        self._clock = clock
        self._desired = desired
        self._chance = chance
        self._leased: set[int] = set()
        self._wake = asyncio.Event()
        self._failures = 0
        self._resume_at = 0.0  # of the event loop's clock, so in real seconds
        self._deliveries: set[asyncio.Task[None]] = set()
        self._loop = asyncio.create_task(self._run())

    @property
    def in_flight(self) -> int:
        """Messages that are with the Worker at this moment."""
        return len(self._leased)

    def wake(self) -> None:
        """Look at the queue and the clock again."""
        self._wake.set()

    def change(self, settings: ConsumerSettings) -> None:
        """Use new settings from the next batch on."""
        self._settings = settings
        self.wake()

    def stop(self) -> None:
        """Cancel everything; what was being delivered stays in the queue."""
        for task in (self._loop, *self._deliveries):
            task.cancel()

    async def ended(self) -> None:
        """Wait until a stopped consumer does nothing any more."""
        await asyncio.gather(self._loop, *self._deliveries, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                pause = self._step()
            except sqlite3.Error as error:
                log.error("queue %s can't be read: %s", self._settings.queue_name, error)
                pause = _PAUSES[-1]
            with contextlib.suppress(TimeoutError):
                # Not wait_for: before Python 3.12 it can swallow a cancellation.
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    def _step(self) -> float:
        """Start what can be started; return the real seconds until something may change."""
        now = self._clock.now_ms()
        settings = self._settings
        expired = self._store.expire(
            settings.queue_id, before_ms=now - settings.retention_s * 1000, leased=self._leased
        )
        if expired:
            log.warning("%d messages of %s outlived its retention", expired, settings.queue_name)
        consumer = settings.consumer
        if consumer is None or settings.paused:
            return _MAX_SLEEP
        held = self._resume_at - asyncio.get_running_loop().time()
        if held > 0:
            return held
        return self._start_batches(consumer, now)

    def _hold(self) -> None:
        """Leave the queue alone for a while: the runtime or the disk isn't there."""
        pause = _PAUSES[min(self._failures, len(_PAUSES) - 1)]
        self._failures += 1
        self._resume_at = asyncio.get_running_loop().time() + pause

    def _start_batches(self, consumer: Consumer, now: int) -> float:
        width = min(consumer.max_concurrency or _DEFAULT_CONCURRENT, MAX_CONCURRENT)
        while len(self._deliveries) < width:
            batch = self._store.due(
                self._settings.queue_id,
                now_ms=now,
                limit=consumer.batch_size,
                leased=self._leased,
            )
            if not batch:
                following = self._store.next_visible_ms(
                    self._settings.queue_id, leased=self._leased
                )
                return _seconds(following, now)
            ready_ms = batch[0].visible_ms + consumer.max_wait_time_ms
            if len(batch) < consumer.batch_size and now < ready_ms:
                return _seconds(ready_ms, now)
            self._start(batch, consumer)
        return _MAX_SLEEP  # a delivery that ends wakes the loop

    def _start(self, batch: list[Message], consumer: Consumer) -> None:
        self._leased |= {message.sequence for message in batch}
        task = asyncio.create_task(self._deliver(batch, consumer))
        self._deliveries.add(task)
        task.add_done_callback(self._delivered)

    def _delivered(self, task: asyncio.Task[None]) -> None:
        # Only now is its place free: a wake from inside the task would find none.
        self._deliveries.discard(task)
        self.wake()

    async def _deliver(self, batch: list[Message], consumer: Consumer) -> None:
        try:
            answer = await self._call(batch, consumer)
            if answer is None:
                self._hold()
                return
            now = self._clock.now_ms()
            result = settle(
                batch,
                answer,
                max_retries=consumer.max_retries,
                retry_delay_s=consumer.retry_delay,
                now_ms=now,
            )
            self._store.settle(
                self._settings.queue_id,
                done=result.done,
                retries=result.retries,
                dead=result.dead,
                dead_letter_queue_id=consumer.dead_letter_queue_id,
                now_ms=now,
            )
            self._failures = 0
            if result.dead:
                name = self._settings.queue_name
                log.warning("%d messages of %s used up their retries", len(result.dead), name)
                if consumer.dead_letter_queue_id is not None:
                    self._on_dead_letter(consumer.dead_letter_queue_id)
        except sqlite3.Error as error:
            log.error("a batch of %s isn't settled: %s", self._settings.queue_name, error)
            self._hold()  # it is delivered again: at least once
        finally:
            self._leased -= {message.sequence for message in batch}

    async def _call(self, batch: list[Message], consumer: Consumer) -> dict[str, Any] | None:
        """The consumer's answer, a failed one, or None where nothing was delivered."""
        messages = [
            {
                "id": message.id,
                "timestampMs": message.timestamp_ms,
                "attempts": message.attempts + 1,
                "contentType": message.content_type,
                "body": base64.b64encode(message.body).decode(),
            }
            for message in batch
        ]
        try:
            version = draw(self._desired.split(consumer.script), self._chance)
            client = self._desired.runtime.client_now()
            return await client.deliver(version, self._settings.queue_name, messages)
        except (RuntimeDown, LookupError):
            return None
        except HostError as error:
            if error.status in _NOT_DELIVERED:
                return None
            log.warning("a batch of %s failed: %s", self._settings.queue_name, error)
            return {"outcome": "exception"}


def _seconds(moment_ms: int | None, now_ms: int) -> float:
    if moment_ms is None:
        return _MAX_SLEEP
    return min(max(moment_ms - now_ms, 1) / 1000, _MAX_SLEEP)
