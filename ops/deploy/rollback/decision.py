"""Which way back fits which fault."""

from __future__ import annotations

from dataclasses import dataclass

from ops.stacks.errors import UsageError


@dataclass(frozen=True)
class Step:
    """One step of a way back.

    Attributes:
        text: what to do and why.
        command: the command line that does it; empty where a person has to decide.
    """

    text: str
    command: str = ""


def steps_for(kind: str, stack: str) -> list[Step]:
    """Return the steps for a fault of ``code``, ``data`` or ``config``.

    Raises:
        UsageError: another kind.
    """
    ways = {"code": _code, "data": _data, "config": _config}
    if kind not in ways:
        raise UsageError(f"--kind is '{kind}'; it must be one of {', '.join(ways)}.")
    return ways[kind](stack)


def _code(stack: str) -> list[Step]:
    return [
        Step("See the releases and what serves.", f"notifyctl releases --stack {stack}"),
        Step(
            "See where a rollback would go, and what its gate says.",
            f"notifyctl rollback --stack {stack} --plan-only",
        ),
        Step(
            "Go back; it verifies, tells the team and drafts the review.",
            f"notifyctl rollback --stack {stack} --reason '...'",
        ),
        Step(
            "Revert the change in git as well; the pin expires with the next bundle.",
            "git revert COMMIT && git push",
        ),
        Step("Fill in the draft of the review, whose place the rollback has named."),
    ]


def _data(stack: str) -> list[Step]:
    return [
        Step(
            "Stop what writes wrong data: if it is the code, go back to the release before.",
            f"notifyctl rollback --stack {stack} --plan-only",
        ),
        Step(
            "Take a backup with date and time, verified; a restore asks for a fresh one.",
            f"notifyctl db backup --stack {stack}",
        ),
        Step("Look at what is wrong.", f"notifyctl db check --stack {stack}"),
        Step(
            "Undo a migration by its way back, if a migration is at fault.",
            f"notifyctl db down --stack {stack}",
        ),
        Step(
            "Or restore a backup: it REPLACES what is in the database now.",
            f"notifyctl db restore --stack {stack}",
        ),
        Step("Check it, and that the service works on it.", f"notifyctl db check --stack {stack}"),
        Step("Verify with a real notification.", f"notifyctl verify --stack {stack} --integration"),
    ]


def _config(stack: str) -> list[Step]:
    return [
        Step("See which update changed what.", f"notifyctl history --stack {stack}"),
        Step(
            f"Correct Pulumi.{stack}.yaml, or take its last change back.",
            f"git log -p -- Pulumi.{stack}.yaml",
        ),
        Step("See what that would change.", f"notifyctl preview --stack {stack}"),
        Step("Deploy the corrected settings.", f"notifyctl deploy --stack {stack}"),
        Step("Verify.", f"notifyctl verify --stack {stack}"),
    ]
