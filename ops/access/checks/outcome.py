"""What one named check has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Result = Literal["ok", "warn", "fail", "skipped"]


@dataclass(frozen=True)
class Outcome:
    """One line of a report of checks.

    Attributes:
        check: the check's name, the same in every run.
        result: ``fail`` is what stops; ``warn`` a person should look at; ``skipped`` couldn't be
            looked at, or wasn't asked for.
        found: what was seen, without a secret.
        advice: what to do about it; empty where all is well.
    """

    check: str
    result: Result
    found: str
    advice: str = ""

    @classmethod
    def ok(cls, check: str, found: str) -> Outcome:
        """All is well."""
        return cls(check, "ok", found)

    @classmethod
    def warn(cls, check: str, found: str, advice: str) -> Outcome:
        """Return that it may go on, and somebody should look."""
        return cls(check, "warn", found, advice)

    @classmethod
    def fail(cls, check: str, found: str, advice: str) -> Outcome:
        """Return that it isn't as it must be."""
        return cls(check, "fail", found, advice)

    @classmethod
    def skipped(cls, check: str, why: str, advice: str = "") -> Outcome:
        """Return that it wasn't looked at, and why."""
        return cls(check, "skipped", why, advice)

    def document(self) -> dict[str, Any]:
        """Return it as plain values, for ``--json`` and reports."""
        return {
            "check": self.check,
            "result": self.result,
            "found": self.found,
            "advice": self.advice,
        }
