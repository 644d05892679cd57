"""The endpoints that notifications are sent to, all in one, on the virtual clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from notification.ports.outbound import OutboundAnswer, OutboundRequest, OutboundTimeout
from tests.worker.surroundings import VirtualClock

Behaviour = Callable[[OutboundRequest], OutboundAnswer | Exception]


def answer(status: int = 200, body: str = '{"ok":true}', **headers: str) -> OutboundAnswer:
    """An endpoint's answer; `retry_after="5"` becomes the header `retry-after`."""
    return OutboundAnswer(status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


class Endpoints:
    """Every endpoint at once.

    Attributes:
        received: all calls in order, with the time at which they arrived.
        behave: what they answer; 200 unless a test says otherwise.
        takes_ms: how long an answer takes.
        gate: what every call waits for, where there is one.
        reached: set by the first call.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.received: list[tuple[int, OutboundRequest]] = []
        self.behave: Behaviour = lambda request: answer()
        self.takes_ms = 0
        self.gate: asyncio.Event | None = None
        self.reached = asyncio.Event()

    async def send(self, request: OutboundRequest) -> OutboundAnswer:
        self.received.append((self._clock.ms, request))
        self.reached.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.takes_ms > request.timeout_ms:
            await self._clock.sleep(request.timeout_ms)
            raise OutboundTimeout
        await self._clock.sleep(self.takes_ms)
        result = self.behave(request)
        if isinstance(result, Exception):
            raise result
        return result

    @property
    def bodies(self) -> list[Any]:
        """The calls' parsed bodies."""
        return [json.loads(request.body) for _, request in self.received]
