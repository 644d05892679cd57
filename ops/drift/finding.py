"""One difference between the state and what is really there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Repair(StrEnum):
    """What puts a difference right.

    ``CALL`` is one explicit call, for what Pulumi's providers don't see or don't undo; ``UPDATE``
    is a refresh and an update; ``NONE`` needs a person.
    """

    CALL = "call"
    UPDATE = "update"
    NONE = "none"


@dataclass(frozen=True)
class Finding:
    """A difference, without any secret.

    Attributes:
        kind: what drifted, such as ``deployment`` or ``cron``.
        resource: its name in the program.
        expected: what the state says, in words.
        found: what is there, in words.
        repair: what puts it right.
    """

    kind: str
    resource: str
    expected: str
    found: str
    repair: Repair

    def document(self) -> dict[str, str]:
        """Return the finding for ``--json``."""
        return {
            "kind": self.kind,
            "resource": self.resource,
            "expected": self.expected,
            "found": self.found,
            "repair": self.repair.value,
        }
