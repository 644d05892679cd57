"""A part of a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Section:
    """A heading, lines for people, and metrics for programs.

    Attributes:
        name: the heading.
        lines: one sentence or metric each.
        metrics: the same for ``--json``.
    """

    name: str
    lines: list[str] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)

    def markdown(self) -> str:
        """Return the section for a document."""
        return "\n".join([f"## {self.name}", "", *(f"- {line}" for line in self.lines), ""])
