"""One question of a diagnosis, and its answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from ops.stacks.moment import shown_time


class Verdict(Enum):
    """What a branch came to."""

    WELL = "well"
    UNKNOWN = "unknown"
    ILL = "ill"


@dataclass(frozen=True)
class Finding:
    """Something that isn't well.

    Attributes:
        what: the cause, as it was seen, with its count where it was counted.
        section: the runbook's section about it.
        step: the command that shows it or mends it; more than one are tried in turn.
        over: when it counts as over.
        window: the time that was looked at.
        first: when it was seen first in that time, ISO 8601.
        last: when it was seen last.
        example: the id of one of them.
    """

    what: str
    section: str
    step: tuple[str, ...] = ()
    over: str = ""
    window: str = ""
    first: str = ""
    last: str = ""
    example: str = ""

    @property
    def when(self) -> str:
        """Window, times, an example and the end, as far as there are any."""
        moments = f"last {shown_time(self.last)}" if self.last else ""
        if self.first and self.first[:19] != self.last[:19]:
            moments = f"{shown_time(self.first)} to {shown_time(self.last)}"
        parts = (
            self.window,
            moments,
            self.example and f"such as {self.example}",
            self.over and f"over {self.over}",
        )
        return "; ".join(filter(None, parts))


@dataclass
class Branch:
    """What was looked at, what was seen, and what to do about it.

    Attributes:
        name: ``reachable``, ``errors``, ``speed`` or ``data``.
        question: what it asks.
        verdict: the answer.
        findings: what isn't well, the gravest first.
        found: what else was seen, one line each.
    """

    name: str
    question: str
    verdict: Verdict = Verdict.WELL
    findings: list[Finding] = field(default_factory=list)
    found: list[str] = field(default_factory=list)

    def ill(self, finding: Finding) -> None:
        """Note what is wrong, and what to do."""
        self.verdict = Verdict.ILL
        self.findings.append(finding)

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
            "findings": [asdict(finding) for finding in self.findings],
            "found": [*(finding.what for finding in self.findings), *self.found],
            "advice": list(dict.fromkeys(step for each in self.findings for step in each.step)),
        }
