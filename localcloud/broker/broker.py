"""The broker: takes messages from producers and hands them to the consumers' Workers."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.broker.consumer import Consumer, ConsumerSettings, QueueConsumer
from localcloud.broker.message_store import Backlog, MessageStore, NewMessage
from localcloud.clock import VirtualClock
from localcloud.database import Database
from localcloud.desired_state import DesiredState

log = logging.getLogger("localcloud.broker")


class UnknownQueue(LookupError):
    """There is no queue with that id."""


@dataclass(frozen=True)
class Body:
    """What a producer sends; `delay_s` None takes the queue's own delivery delay."""

    content_type: str
    body: bytes
    delay_s: int | None


class Broker:
    """All queues of the account. Each consumer runs on its own, so a slow one blocks no other."""

    def __init__(
        self,
        database: Database,
        store: MessageStore,
        clock: VirtualClock,
        desired: DesiredState,
        *,
        chance: random.Random | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._desired = desired
        self._chance = chance or random.Random()  # noqa: S311  it shares out traffic, no secret
        self._consumers: dict[str, QueueConsumer] = {}
        self._delays: dict[str, int] = {}
        clock.on_advance(self._wake_all)

    def start(self) -> None:
        """Drop what belongs to no queue and start the consumers; call it inside the event loop."""
        self._store.keep_only(
            row["queue_id"] for row in self._database.rows("SELECT * FROM queues")
        )
        self.reload()

    def reload(self) -> None:
        """Queues or consumers changed: bring the running consumers in line."""
        self._delays = {
            row["queue_id"]: row["delivery_delay"]
            for row in self._database.rows("SELECT queue_id, delivery_delay FROM queues")
        }
        wanted = self._settings()
        for queue_id in set(self._consumers) - set(wanted):
            self._consumers.pop(queue_id).stop()
        for queue_id, settings in wanted.items():
            if queue_id in self._consumers:
                self._consumers[queue_id].change(settings)
            else:
                self._consumers[queue_id] = QueueConsumer(
                    settings,
                    self._store,
                    self._clock,
                    self._desired,
                    self._chance,
                    on_dead_letter=self.wake,
                )

    def send(self, queue_id: str, bodies: Sequence[Body]) -> Backlog:
        """Commit messages, then return the backlog. Raises UnknownQueue; safe in a thread."""
        if queue_id not in self._delays:
            raise UnknownQueue(queue_id)
        delay = self._delays[queue_id]
        messages = [
            NewMessage(
                uuid.uuid4().hex,
                body.content_type,
                body.body,
                delay if body.delay_s is None else body.delay_s,
            )
            for body in bodies
        ]
        return self._store.send(queue_id, messages, now_ms=self._clock.now_ms())

    def wake(self, queue_id: str) -> None:
        """Messages arrived: let the consumer look."""
        if consumer := self._consumers.get(queue_id):
            consumer.wake()

    def drop_queue(self, queue_id: str) -> None:
        """Remove a queue's messages."""
        if consumer := self._consumers.pop(queue_id, None):
            consumer.stop()
        self._store.drop_queue(queue_id)

    def backlogs(self) -> list[dict[str, Any]]:
        """One entry per queue, for people and tests."""
        found = []
        for row in self._database.rows("SELECT queue_id, queue_name FROM queues ORDER BY rowid"):
            backlog = self._store.backlog(row["queue_id"])
            consumer = self._consumers.get(row["queue_id"])
            found.append(
                {
                    "queue_id": row["queue_id"],
                    "queue_name": row["queue_name"],
                    "backlog_count": backlog.count,
                    "backlog_bytes": backlog.bytes,
                    "oldest_message_timestamp_ms": backlog.oldest_ms,
                    "in_flight": consumer.in_flight if consumer else 0,
                }
            )
        return found

    async def stop(self) -> None:
        """Stop all consumers; batches under way come again after the next start."""
        consumers = list(self._consumers.values())
        self._consumers.clear()
        for consumer in consumers:
            consumer.stop()
        await asyncio.gather(*(consumer.ended() for consumer in consumers))

    def _wake_all(self) -> None:
        for consumer in self._consumers.values():
            consumer.wake()

    def _settings(self) -> dict[str, ConsumerSettings]:
        queues = {row["queue_name"]: row for row in self._database.rows("SELECT * FROM queues")}
        by_id = {row["queue_id"]: row for row in queues.values()}
        consumers = {
            row["queue_id"]: Consumer(
                script=row["script_name"],
                dead_letter_queue_id=_id(queues.get(row["dead_letter_queue"])),
                **json.loads(row["settings"]),
            )
            for row in self._database.rows("SELECT * FROM queue_consumers")
        }
        return {
            queue_id: ConsumerSettings(
                queue_id=queue_id,
                queue_name=row["queue_name"],
                paused=bool(row["delivery_paused"]),
                retention_s=row["message_retention_period"],
                consumer=consumers.get(queue_id),
            )
            for queue_id, row in by_id.items()
        }


def _id(row: Any) -> str | None:
    return None if row is None else str(row["queue_id"])
