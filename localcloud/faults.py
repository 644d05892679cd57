"""Faults on demand: answers that go wrong for a while, to rehearse what is done about them.

A fault is one line: where, what, and for how long.

    d1 query 500/7500 for 5m      Cloudflare's error 7500 with status 500
    workers html                  an HTML page, as a proxy in between answers
    any slow 2s times 10          two seconds later than usual, ten times
    kv 429/30 for 1m              too many requests, with Retry-After: 30
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.api.envelope import ApiError, failure
from localcloud.clock import VirtualClock

MAX_FAULTS = 50
MAX_LENGTH = 200
MAX_SECONDS = 24 * 3600
MAX_SLOW_SECONDS = 120
MAX_TIMES = 1_000_000
_API = r"/client/v4"
_ACCOUNT = rf"{_API}/accounts/[^/]+"
_SCRIPT = rf"{_ACCOUNT}/workers/(?:scripts|workers)/[^/]+"
# What a fault may name, as a pattern for the whole path.
PLACES = {
    "any": rf"(?:{_API}|/api/v3)/.*",
    "d1": rf"{_ACCOUNT}/d1/.*",
    "d1 query": rf"{_ACCOUNT}/d1/database/[^/]+/(?:query|raw)",
    "d1 import": rf"{_ACCOUNT}/d1/database/[^/]+/import",
    "d1 export": rf"{_ACCOUNT}/d1/database/[^/]+/export",
    "kv": rf"{_ACCOUNT}/storage/kv/.*",
    "kv values": rf"{_ACCOUNT}/storage/kv/namespaces/[^/]+/(?:values|bulk)(?:/.*)?",
    "queues": rf"{_ACCOUNT}/queues(?:/.*)?",
    "queues consumers": rf"{_ACCOUNT}/queues/[^/]+/consumers(?:/.*)?",
    "r2": rf"{_ACCOUNT}/r2/.*",
    "tokens": rf"{_ACCOUNT}/tokens(?:/.*)?",
    "workers": rf"{_ACCOUNT}/workers/.*",
    "workers versions": rf"{_SCRIPT}/versions(?:/.*)?",
    "workers deployments": rf"{_SCRIPT}/deployments(?:/.*)?",
    "workers secrets": rf"{_SCRIPT}/secrets(?:/.*)?",
    "workers schedules": rf"{_SCRIPT}/schedules",
    "workers assets": rf"{_ACCOUNT}/workers/(?:assets/upload|scripts/[^/]+/assets-upload-session)",
    "zones": rf"{_API}/zones(?:/.*)?",
    "graphql": rf"{_API}/graphql",
    "analytics": rf"{_ACCOUNT}/analytics_engine/.*",
    "github": r"/api/v3/.*",
}
_LINE = re.compile(
    r"(?P<place>[a-z0-9]+(?: [a-z]+)??) (?P<kind>html|slow|[1-9][0-9]{2})"
    r"(?:[/ ](?P<detail>[0-9]+s?))?(?: for (?P<life>[0-9]+[smh]))?(?: times (?P<times>[0-9]+))?"
)
_UNITS = {"s": 1, "m": 60, "h": 3600}
_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>"
    "<body><center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center></body></html>\n"
)
_INTERNAL = 10002  # Cloudflare's "internal server error" of the Workers API
LIMITED = 971  # "Please wait and consider throttling your request speed"


class InvalidFault(ValueError):
    """The line can't be read; the text says what is wrong and what would be right."""


@dataclass
class Fault:
    """One fault that is in force.

    Attributes:
        text: The line as it was given.
        kind: `html`, `slow`, or an HTTP status.
        detail: The error's code, the seconds of Retry-After or of the delay.
        ends_ms: When it ends on the virtual clock, None for never.
        left: How many more requests it meets, None for all.
        met: How many it has met.
    """

    id: int
    text: str
    place: re.Pattern[str]
    kind: str
    detail: int | None
    ends_ms: int | None
    left: int | None
    met: int = 0

    def document(self) -> dict[str, Any]:
        """Return it as the local API shows it."""
        return {
            "id": self.id,
            "fault": self.text,
            "ends_ms": self.ends_ms,
            "left": self.left,
            "met": self.met,
        }


class Faults:
    """The faults that are in force; they end with the process."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)

    def add(self, text: str) -> Fault:
        """Put a fault in force. Raises InvalidFault."""
        if len(self.listed()) >= MAX_FAULTS:
            raise InvalidFault(f"There are {MAX_FAULTS} faults already: clear some first.")
        fault = _parsed(text, next(self._ids), self._clock.now_ms())
        self._faults.append(fault)
        return fault

    def listed(self) -> list[Fault]:
        """Return those that are in force, in the order in which they were added."""
        now_ms = self._clock.now_ms()
        self._faults = [
            fault
            for fault in self._faults
            if (fault.ends_ms is None or fault.ends_ms > now_ms) and fault.left != 0
        ]
        return list(self._faults)

    def clear(self, identifier: int | None = None) -> int:
        """Lift one fault, or all; returns how many it were."""
        before = self.listed()
        self._faults = [
            fault for fault in before if identifier is not None and fault.id != identifier
        ]
        return len(before) - len(self._faults)

    def meet(self, path: str) -> Fault | None:
        """Return the fault that a request of this path meets, and count it."""
        for fault in self.listed():
            if fault.place.fullmatch(path):
                fault.met += 1
                if fault.left is not None:
                    fault.left -= 1
                return fault
        return None


class FaultGate:
    """ASGI middleware that lets requests meet the faults in force."""

    def __init__(self, app: ASGIApp, faults: Faults, sleep: Callable[[float], Any] = asyncio.sleep):
        self._app = app
        self._faults = faults
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the fault, or pass the request on."""
        fault = self._faults.meet(scope["path"]) if scope["type"] == "http" else None
        if fault is not None and fault.kind == "slow":
            await self._sleep(fault.detail or 1)
        elif fault is not None:
            await _answer(fault, is_github=scope["path"].startswith("/api/v3"))(
                scope, receive, send
            )
            return
        await self._app(scope, receive, send)


def _parsed(text: str, identifier: int, now_ms: int) -> Fault:
    line = " ".join(text.split()).lower()
    match = _LINE.fullmatch(line) if len(text) <= MAX_LENGTH else None
    if match is None:
        raise InvalidFault(
            "A fault is a place, a kind, and how long, such as 'd1 query 500/7500 for 5m': kinds "
            "are a status with a code, html, slow 2s, and 429/30; 'for 5m' and 'times 3' end it."
        )
    place, kind = match["place"], match["kind"]
    if place not in PLACES:
        raise InvalidFault(f"There is no place {place!r}. Places: {', '.join(PLACES)}.")
    detail = match["detail"]
    if kind == "slow":
        _within("slow", detail or "1", MAX_SLOW_SECONDS)
    elif kind == "html" and detail is not None:
        raise InvalidFault("html takes no number.")
    elif kind.isdecimal() and not 400 <= int(kind) <= 599:
        raise InvalidFault(f"The status {kind} isn't an error's: give one from 400 to 599.")
    elif detail is not None and detail.endswith("s") and kind != "429":
        raise InvalidFault(f"{detail} isn't an error's code: give a number, as in 500/7500.")
    ends_ms = None
    if match["life"]:
        seconds = int(match["life"][:-1]) * _UNITS[match["life"][-1]]
        _within("for", str(seconds), MAX_SECONDS)
        ends_ms = now_ms + seconds * 1000
    left = None
    if match["times"]:
        _within("times", match["times"], MAX_TIMES)
        left = int(match["times"])
    number = None if detail is None else int(detail.rstrip("s"))
    return Fault(identifier, line, re.compile(PLACES[place]), kind, number, ends_ms, left)


def _within(name: str, number: str, high: int) -> None:
    digits = number.rstrip("s")
    if len(digits) > 9 or not 1 <= int(digits) <= high:
        raise InvalidFault(f"{name} must be from 1 to {high}, not {digits[:20]}.")


def _answer(fault: Fault, *, is_github: bool) -> Response:
    if fault.kind == "html":
        return HTMLResponse(_PAGE, 502, headers={"Server": "cloudflare"})
    status = int(fault.kind)
    headers = {"Retry-After": str(fault.detail or 60)} if status == 429 else {}
    code = fault.detail if fault.detail is not None and status != 429 else _INTERNAL
    code = LIMITED if status == 429 else code
    message = f"A fault that was asked for: {fault.text}"
    if is_github:
        return JSONResponse({"message": message}, status, headers=headers)
    answer = failure(ApiError(status, code, message))
    answer.headers.update(headers)
    return answer
