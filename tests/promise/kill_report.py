"""The report of a run of kills."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.promise.endpoint_server import Call
from tests.promise.repetition import Repetition


@dataclass
class KillReport:
    """The report of a run.

    Attributes:
        stages: per kill kind, how many attempts each kill met at which await.
        repetitions: confirmed deliveries that were followed by another of the same notification.
        in_batches: accepted notifications that were sent in batches.
        refused_afterwards: what the service didn't accept once the kills were over.
        unplanned: processes that ended although nobody killed them.
        seconds: how long the run took.
        away_s: per kill kind, how long it took in all until everything was served again.
    """

    kills: Counter[str] = field(default_factory=Counter)
    stages: Counter[tuple[str, str]] = field(default_factory=Counter)
    accepted: int = 0
    in_batches: int = 0
    refused: int = 0
    refused_afterwards: list[str] = field(default_factory=list)
    messages_lost_by_the_queue: int = 0
    lost: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    repetitions: list[Repetition] = field(default_factory=list)
    unplanned: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    away_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def outside(self) -> list[Repetition]:
        """Repetitions that the stated window does not allow."""
        return [found for found in self.repetitions if not found.allowed]

    def document(self) -> dict[str, Any]:
        """Return the report as JSON, with everything known of a broken promise."""
        return {
            "kills": dict(self.kills),
            "seconds": round(self.seconds),
            "away_s": {kind: round(s / self.kills[kind], 1) for kind, s in self.away_s.items()},
            "accepted": self.accepted,
            "in_batches": self.in_batches,
            "refused": self.refused,
            "refused_afterwards": self.refused_afterwards,
            "messages_lost_by_the_queue": self.messages_lost_by_the_queue,
            "statuses": dict(self.statuses),
            "lost": self.lost,
            "open": self.open,
            "repetitions": dict(Counter(found.cause for found in self.repetitions)),
            "outside": [vars(found) for found in self.outside],
            "widest_window_s": self._widest(),
            "unplanned": self.unplanned,
            "awaits": {f"{kind}: {stage}": n for (kind, stage), n in sorted(self.stages.items())},
        }

    def text(self) -> str:
        """Return the report as text."""
        kills = ", ".join(f"{count} of {kind}" for kind, count in sorted(self.kills.items()))
        causes = Counter(found.cause for found in self.repetitions)
        lines = [
            f"{sum(self.kills.values())} kills in {self.seconds:.0f} s: {kills}",
            f"{self.accepted} notifications accepted, {self.in_batches} of them in batches",
            f"{self.refused} notifications without success",
            f"{len(self.refused_afterwards)} of them after the last kill",
            f"{self.messages_lost_by_the_queue} queue messages thrown away",
            f"rows at the end: {dict(self.statuses)}",
            f"accepted and lost: {len(self.lost)}; left open: {len(self.open)}",
            f"delivered again after a confirmation: {len(self.repetitions)}",
            *(f"  {cause}: {count}" for cause, count in sorted(causes.items())),
            f"longest from an answer to the end of its process: {self._widest():.2f} s",
            f"outside the stated window: {len(self.outside)}",
            f"processes that ended by themselves: {self.unplanned}",
            "what each kind of kill met, in attempts:",
        ]
        for (kind, stage), count in sorted(self.stages.items()):
            lines.append(f"  {kind:8} {stage:50} {count}")
        return "\n".join(lines)

    def _widest(self) -> float:
        return max((found.open_s or 0.0 for found in self.repetitions), default=0.0)


def stage_of(
    rows: list[dict[str, Any]],
    calls: list[Call],
    killed: float,
    *,
    answered: dict[str, Any] | None,
) -> str:
    """The await at which a send was when the process ended, as far as it shows from outside."""
    if not rows:
        return "1 D1: reading, or writing the rows"
    if not calls and answered is not None:
        return "0 held in front, served by the next process"
    if not calls:
        return "2 calling the endpoint, rows written"
    if rows[0]["status"] == "retry" and answered is None and rows[0]["retry_count"] > 0:
        return "5 queue: sending the retry message, or acknowledging"
    if rows[0]["status"] != "pending" and rows[0]["last_error_code"] != "INTERRUPTED":
        return "6 answering" if answered is None else "7 none: answered before"
    last = calls[-1]
    if last.answered is None or last.answered > killed:
        return "3 waiting for the endpoint's answer"
    return "4 D1: writing the outcome"
