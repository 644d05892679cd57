"""Runs checks one after the other and keeps what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ops.access.checks.outcome import Outcome
from ops.stacks.console import Reporter
from ops.stacks.errors import OperationError

_STYLES = {"ok": "green", "warn": "yellow", "fail": "red", "skipped": "dim"}


class Checklist:
    """The outcomes of one run; a check that can't be made fails and stops no other one.

    Args:
        reporter: where the checks are shown while they run.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._outcomes: list[Outcome] = []

    def run(self, check: str, look: Callable[[], Iterable[Outcome]]) -> Sequence[Outcome]:
        """Run one group of checks under a title and return what it found.

        What a check raises for users becomes an outcome named ``check``.
        """
        with self._reporter.waiting(check):
            try:
                found = list(look())
            except OperationError as error:
                text, _, advice = str(error).partition(". ")
                found = [Outcome.fail(check, text.rstrip("."), advice)]
        self._outcomes += found
        for outcome in found:
            self._show(outcome)
        return found

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """Everything that was found so far."""
        return tuple(self._outcomes)

    def named(self, *results: str) -> list[Outcome]:
        """Return the outcomes with one of these results."""
        return [outcome for outcome in self._outcomes if outcome.result in results]

    def document(self) -> dict[str, Any]:
        """Return counts and outcomes as plain values."""
        return {
            "ok": not self.named("fail"),
            "failed": len(self.named("fail")),
            "warnings": len(self.named("warn")),
            "checks": [outcome.document() for outcome in self._outcomes],
        }

    def _show(self, outcome: Outcome) -> None:
        line = f"{outcome.result:<8}{outcome.check:<24}{outcome.found}"
        self._reporter.line(line, style=_STYLES[outcome.result])
        if outcome.advice:
            self._reporter.line(f"{'':<8}{'':<24}{outcome.advice}")
