"""What people are told about a deployment or a rollback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ops.stacks.origin import short_hash

Event = Literal["planned", "started", "succeeded", "failed", "rolled back"]

_MARKS: Mapping[Event, str] = {
    "planned": "🗓",
    "started": "🚀",
    "succeeded": "✅",
    "failed": "❌",
    "rolled back": "↩",
}


@dataclass(frozen=True)
class Notice:
    """One message; every field but the first four may be empty and is then left out.

    Attributes:
        event: what happened.
        action: ``deployment`` or ``rollback``.
        environment: the stack.
        status: the same as a sentence for people.
        branch: git branch.
        commit: git commit.
        actor: who did it.
        duration: seconds.
        link: where the report or the run is.
        window: when it happens.
        scope: what it touches.
        rollback_plan: how to go back, with the version that would serve again.
    """

    event: Event
    action: str
    environment: str
    status: str
    branch: str = ""
    commit: str = ""
    actor: str = ""
    duration: float | None = None
    link: str = ""
    window: str = ""
    scope: str = ""
    rollback_plan: str = ""

    @property
    def title(self) -> str:
        """The first line."""
        return f"{_MARKS[self.event]} {self.action.capitalize()} {self.event}: {self.environment}"

    def fields(self) -> dict[str, str]:
        """Return the other lines, by their names; nothing that is empty."""
        found = {
            "Environment": self.environment,
            "Branch": self.branch,
            "Commit": short_hash(self.commit),
            "Status": self.status,
            "Duration": "" if self.duration is None else f"{self.duration:.0f} s",
            "By": self.actor,
            "Window": self.window,
            "Scope": self.scope,
            "Rollback plan": self.rollback_plan,
            "Link": self.link,
        }
        return {name: text for name, text in found.items() if text}

    def text(self) -> str:
        """Return the whole message as plain text."""
        return "\n".join([self.title, *(f"{name}: {text}" for name, text in self.fields().items())])
