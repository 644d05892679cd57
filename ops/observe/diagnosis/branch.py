"""One question of a diagnosis, and its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Verdict(Enum):
    """What a branch came to."""

    WELL = "well"
    UNKNOWN = "unknown"
    ILL = "ill"


@dataclass
class Branch:
    """What was looked at, what was seen, and what to do about it.

    Attributes:
        name: ``reachable``, ``errors``, ``speed`` or ``data``.
        question: what it asks.
        verdict: the answer.
        found: what was seen, one line each.
        advice: the next steps where it isn't well, one line each.
    """

    name: str
    question: str
    verdict: Verdict = Verdict.WELL
    found: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)

    def ill(self, found: str, *advice: str) -> None:
        """Note what is wrong, and what to do."""
        self.verdict = Verdict.ILL
        self.found.append(found)
        self.advice += [line for line in advice if line not in self.advice]

    def unknown(self, found: str) -> None:
        """Note what couldn't be found out."""
        if self.verdict is Verdict.WELL:
            self.verdict = Verdict.UNKNOWN
        self.found.append(found)

    def document(self) -> dict[str, Any]:
        """Return the branch for ``--json``."""
        return {
            "name": self.name,
            "question": self.question,
            "verdict": self.verdict.value,
            "found": list(self.found),
            "advice": list(self.advice),
        }
