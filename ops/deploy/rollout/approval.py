"""Who approved a deployment, as far as a command line can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ops.stacks.errors import GateClosed
from ops.stacks.origin import Origin

NEEDED = 2
"""Different people for a deployment to production."""


@dataclass(frozen=True)
class Approval:
    """What is written down about the approval.

    Attributes:
        names: who is said to have approved.
        by_pipeline: whether a pipeline's gates asked them. Names that were typed are a record of
            what was typed and no check of who they are.
    """

    names: tuple[str, ...]
    by_pipeline: bool

    def __str__(self) -> str:
        if self.by_pipeline:
            return "approved at the pipeline's gates"
        if not self.names:
            return "no approval needed"
        names = " and ".join(self.names)
        return f"recorded as approved by {names}: what was typed, not a check of who they are"

    def document(self) -> dict[str, Any]:
        """Return the record for the report."""
        return {
            "names": list(self.names),
            "source": "pipeline" if self.by_pipeline else "typed" if self.names else "none",
            "text": str(self),
        }


def refuse_strangers(names: Sequence[str], approvers: Sequence[str]) -> None:
    """Refuse names that the stack's settings don't allow.

    Args:
        names: who is said to have approved.
        approvers: who may; empty allows everybody.

    Raises:
        GateClosed: somebody may not.
    """
    allowed = {_plain(name) for name in approvers}
    strangers = [name for name in names if allowed and _plain(name) not in allowed]
    if strangers:
        raise GateClosed(
            f"{', '.join(strangers)} may not approve: the stack's settings name "
            f"{', '.join(sorted(approvers))}."
        )


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def approve(
    names: Sequence[str], *, production: bool, origin: Origin, approvers: Sequence[str]
) -> Approval:
    """Judge the names that were typed.

    Args:
        names: from the command line.
        production: whether the stack is a production one; others need nobody.
        origin: where the command runs; in a pipeline its gates have asked already.
        approvers: who may approve, where the stack's settings say so.

    Raises:
        GateClosed: fewer than two different people, or somebody who may not.
    """
    different = {_plain(name): " ".join(name.split()) for name in names}
    found = tuple(sorted(name for name in different.values() if name))
    if not production:
        return Approval(found, by_pipeline=False)
    if origin.is_pipeline:
        return Approval(found, by_pipeline=True)
    refuse_strangers(found, approvers)
    if len(found) < NEEDED:
        raise GateClosed(
            f"A deployment to production needs {NEEDED} different people who approved, and "
            f"{len(found)} {'is' if len(found) == 1 else 'are'} named: give --approved-by NAME for "
            "each. They are recorded, not checked; the pipeline's gates check."
        )
    return Approval(found, by_pipeline=False)
