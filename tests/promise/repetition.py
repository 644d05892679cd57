"""Why a notification came again to an endpoint that had confirmed it.

Two questions that need no common clock come first: had the confirmation been written, and did the
service say in its log that it could not be? Only the rest is matched with the ends of processes.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.promise.endpoint_server import Call

READ_LATE_S = 1.0
"""An endpoint may read a request this long after the process that sent it was killed."""
WINDOW_S = 5.0
"""The stated window, with room for a loaded machine: an answer waits for its write no longer."""
_CLOCKS_S = 1.0
"""How far the endpoint's and the service's readings of the same virtual clock may lie apart."""


@dataclass(frozen=True)
class Outage:
    """On `time.monotonic`: from before the signal was sent until all is served again."""

    kind: str
    start: float
    killed: float
    back: float


@dataclass(frozen=True)
class Repetition:
    """A confirmed call that was followed by another.

    Attributes:
        cause: "written" (the broken promise), "told in the log", "process ended", "store away", or
            "unexplained".
        open_s: for an ended process, how long before its end the endpoint had answered; below 0
            where the answer came too late for it.
        facts: what is known, for a person who looks into it.
    """

    name: str
    cause: str
    open_s: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def allowed(self) -> bool:
        """Whether it lies in the stated window."""
        return self.cause in ("told in the log", "process ended", "store away")


def repetitions(
    name: str,
    row: dict[str, Any],
    calls: Sequence[Call],
    outages: Sequence[Outage],
    *,
    start: float,
    logged: Sequence[dict[str, Any]],
) -> list[Repetition]:
    """All repetitions of one notification.

    `start` is the service's clock, seconds since the epoch, at the calls' second 0; `logged` are
    the log's lines about this notification.
    """
    confirmed = [call for call in calls if 200 <= call.status < 300]
    written = [
        datetime.fromisoformat(entry["at"]).timestamp() - start
        for entry in json.loads(row["attempts"] or "[]")
        if "code" not in entry
    ]
    told = sum(line.get("type") in ("delivery_unrecorded", "lease_lost") for line in logged)
    found = []
    for call, following in itertools.pairwise(confirmed):
        facts = {
            "call": vars(call),
            "next": vars(following),
            "written": written,
            "outages": [vars(o) for o in outages if abs(o.killed - call.real) < 60],
        }
        if any(_made_by(confirmed, at) <= confirmed.index(call) for at in written):
            found.append(Repetition(name, "written", facts=facts))
        elif told > 0:
            told -= 1
            found.append(Repetition(name, "told in the log"))
        else:
            found.append(_by_outage(name, call, following, outages, facts))
    return found


def _made_by(confirmed: Sequence[Call], written: float) -> int:
    """Which call a written confirmation, told by its attempt's beginning, is of.

    The service reads the clock when its work begins, and the test may move the clock on while the
    call is under way. So an attempt is never written as later than the endpoint saw it, and the
    first call that isn't earlier is its own.
    """
    for index, call in enumerate(confirmed):
        if call.at + _CLOCKS_S >= written:
            return index
    return len(confirmed)


def _by_outage(
    name: str, call: Call, following: Call, outages: Sequence[Outage], facts: dict[str, Any]
) -> Repetition:
    between = [o for o in outages if o.start < following.real]
    ends = [o.killed for o in between if o.kind != "store" and o.killed > call.real - READ_LATE_S]
    if ends:
        # The nearest: a request may be read some milliseconds after the end of its process.
        open_s = min(ends, key=lambda end: abs(end - call.real)) - (call.answered or call.real)
        if open_s <= WINDOW_S:
            return Repetition(name, "process ended", open_s)
    for outage in between:
        if outage.kind == "store" and outage.start - WINDOW_S <= call.real <= outage.back:
            return Repetition(name, "store away")
    return Repetition(name, "unexplained", facts=facts)
