"""What a run of kills came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.promise.endpoint_server import Call


@dataclass
class KillReport:
    """What a run came to.

    Attributes:
        stages: per kill kind, how many notifications each kill met in which stage.
        duplicates: confirmed deliveries beyond the first, of one notification.
        unwritten: of those, the ones whose outcome met a database that was away.
        outside: of those, the ones that nothing explains.
    """

    kills: Counter[str] = field(default_factory=Counter)
    stages: Counter[tuple[str, str]] = field(default_factory=Counter)
    accepted: int = 0
    refused: int = 0
    messages_lost_by_the_queue: int = 0
    lost: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    duplicates: int = 0
    unwritten: int = 0
    outside: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    def text(self) -> str:
        """For people."""
        kills = ", ".join(f"{count} of {kind}" for kind, count in sorted(self.kills.items()))
        lines = [
            f"{sum(self.kills.values())} kills: {kills}",
            f"{self.accepted} notifications accepted, {self.refused} calls without success",
            f"{self.messages_lost_by_the_queue} queue messages thrown away",
            f"rows at the end: {dict(self.statuses)}",
            f"accepted and lost: {len(self.lost)}; left open: {len(self.open)}",
            f"delivered again after a confirmation: {self.duplicates}",
            f"of these because the store was away for the outcome: {self.unwritten}",
            f"of these outside the stated window: {len(self.outside)}",
            "what the kills met (notifications):",
        ]
        for (kind, stage), count in sorted(self.stages.items()):
            lines.append(f"  {kind:8} {stage:45} {count}")
        return "\n".join(lines)


def stage_of(
    rows: list[dict[str, Any]],
    calls: list[Call],
    killed: float,
    *,
    answered: dict[str, Any] | None,
) -> str:
    """Where the notification was when the process ended, as far as one can see from outside."""
    if not rows:
        return "1 before it was accepted"
    if not calls and answered is not None:
        return "0 held in front, served by the next process"
    if not calls:
        return "2 accepted, endpoint not called before the kill"
    settled = rows[0]["status"] != "pending"
    if settled:
        return "5 outcome written" if answered is None else "6 answered"
    last = calls[-1]
    if last.answered is None or last.answered > killed:
        return "3 at the endpoint"
    return "4 endpoint had answered, outcome not written"
