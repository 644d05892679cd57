"""Queues in memory, and a message in a consumer's hands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from notification.ports.platform import QueueError, QueueMessage
from tests.worker.surroundings import VirtualClock


@dataclass
class Waiting:
    """A message on a queue, not to be delivered before `due_ms`."""

    body: Any
    due_ms: int
    attempts: int = 1


class MemoryQueue:
    """Attributes: `waiting`, and `down`, which makes `send` fail."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.waiting: list[Waiting] = []
        self.down = False

    async def send(self, messages: Sequence[QueueMessage]) -> None:
        if self.down:
            raise QueueError("the queue is down")
        for message in messages:
            body = json.loads(json.dumps(dict(message.body)))
            self.waiting.append(Waiting(body, self._clock.ms + message.delay_s * 1000))

    def take_due(self, most: int = 10) -> list[Waiting]:
        due = [w for w in self.waiting if w.due_ms <= self._clock.ms][:most]
        for waiting in due:
            self.waiting.remove(waiting)
        return due


class Delivered:
    """A message in a consumer's hands, and what became of it."""

    def __init__(self, waiting: Waiting) -> None:
        self.body = waiting.body
        self.attempts = waiting.attempts
        self.outcome: str | int | None = None

    def acknowledge(self) -> None:
        assert self.outcome is None
        self.outcome = "acknowledged"

    def retry(self, delay_s: int) -> None:
        assert self.outcome is None
        self.outcome = delay_s


def retry_message(row: dict[str, Any], **changes: Any) -> Delivered:
    """The retry message for a notification's row as it is now."""
    body = {
        "v": 1,
        "type": "retry_notification",
        "logId": row["id"],
        "retryCount": row["retry_count"],
    }
    return Delivered(Waiting({**body, **changes}, 0))
