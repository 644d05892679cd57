"""What a probe says: a difference, what nobody manages, or that it can't tell."""

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


@dataclass(frozen=True)
class Unknown:
    """What couldn't be compared. It is no difference, and nothing repairs it.

    Attributes:
        kind: what may have drifted, such as ``secrets``.
        resource: its name in the program.
        reason: why it isn't known; whole sentences without any secret.
    """

    kind: str
    resource: str
    reason: str

    def document(self) -> dict[str, str]:
        """Return it for ``--json``."""
        return {"kind": self.kind, "resource": self.resource, "reason": self.reason}


@dataclass(frozen=True)
class Unmanaged:
    """A property that somebody set and the program doesn't.

    Attributes:
        kind: the kind of resource.
        resource: its name in the program.
        found: the property and its value, in words.
    """

    kind: str
    resource: str
    found: str

    def document(self) -> dict[str, str]:
        """Return it for ``--json``."""
        return {"kind": self.kind, "resource": self.resource, "found": self.found}
