"""Every endpoint of the world: which is down when, and what arrived."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from localcloud.sink.chat import ChatApi, ChatCall
from notification.ports.outbound import (
    OutboundAnswer,
    OutboundFailure,
    OutboundRequest,
    OutboundTimeout,
)
from tests.promise.isolate import HERE, Isolate
from tests.timeline import MARK, UNREACHABLE, Spell
from tests.worker.endpoints import answer


@dataclass
class Arrival:
    """One call: `at` is seconds after the start, `status` what the endpoint decided.

    Attributes:
        caller: the process that called.
        told: whether the caller, still alive, got the answer.
        retry_after: the answer's header of that name.
    """

    at: float
    endpoint: str
    mark: int
    status: int
    request: OutboundRequest
    caller: Isolate
    told: bool = False
    retry_after: str | None = None


class SimulatedEndpoints:
    """The outbound port. An endpoint is named by host and path; the newest fitting spell counts.

    A call counts from its arrival: what the caller learns of it is another matter.

    Attributes:
        apis: providers that answer for their hosts, with their own limits, instead of any spell.
    """

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.apis: dict[str, ChatApi] = {}
        self._spells: dict[str, list[Spell]] = {}

    def plan(self, endpoint: str, spell: Spell) -> None:
        """Let an endpoint behave like this for a while."""
        self._spells.setdefault(endpoint, []).append(spell)

    def _spell(self, endpoint: str, now: float) -> Spell:
        for spell in reversed(self._spells.get(endpoint, [])):
            if spell.start <= now < spell.end:
                return spell
        return Spell(0, float("inf"))

    async def send(self, request: OutboundRequest) -> OutboundAnswer:
        """As the port says."""
        now = asyncio.get_running_loop().time()
        parts = urlsplit(request.url)
        endpoint = f"{parts.hostname}{parts.path}"
        if parts.hostname in self.apis:
            return await self._ask(self.apis[parts.hostname], endpoint, request)
        spell = self._spell(endpoint, now)
        mark = MARK.search(request.body)
        arrival = Arrival(
            now,
            endpoint,
            int(mark[1]) if mark else -1,
            spell.status,
            request,
            HERE.get(),
            retry_after=spell.retry_after,
        )
        if spell.status != UNREACHABLE:
            self.arrivals.append(arrival)
        if spell.takes * 1000 > request.timeout_ms:
            await asyncio.sleep(request.timeout_ms / 1000)
            raise OutboundTimeout
        await asyncio.sleep(spell.takes)
        if spell.status == UNREACHABLE:
            raise OutboundFailure("connection refused")
        arrival.told = True
        headers = {"retry-after": spell.retry_after} if spell.retry_after is not None else {}
        body = "ok" if endpoint.startswith("hooks.slack.com") else '{"ok":true}'
        return answer(spell.status, body if spell.status < 300 else "said so", **headers)

    async def _ask(self, api: ChatApi, endpoint: str, request: OutboundRequest) -> OutboundAnswer:
        now = asyncio.get_running_loop().time()
        url = urlsplit(request.url)
        made = api.receive(ChatCall(url.path, request.body.encode(), round(now * 1000), url.query))
        mark = MARK.search(request.body)
        number = int(mark[1]) if mark else -1
        status = made.status if made.accepted else max(made.status, 400)
        self.arrivals.append(Arrival(now, endpoint, number, status, request, HERE.get()))
        await asyncio.sleep(0.05)
        headers = {name.lower(): text for name, text in made.headers.items()}
        return OutboundAnswer(made.status, headers, made.body)
