"""Which stacks there are in the state backend."""

from __future__ import annotations

from ops.stacks.project import Project
from ops.stacks.tools import PULUMI

_PROJECT = "notification-system"


def stack_names(project: Project, *, is_local: bool) -> list[str]:
    """Return the names of the project's stacks, sorted.

    Args:
        project: the project's folder.
        is_local: whether to look into the local stacks' backend, else into the account's.

    Raises:
        ToolMissing: the account's backend is read by the Pulumi CLI, and there is none.
        StackFailed: the CLI refuses (not logged in, …).
    """
    if is_local:
        folder = project.backend_dir / ".pulumi" / "stacks" / _PROJECT
        return sorted(path.stem for path in folder.glob("*.json"))
    PULUMI.require("The stacks are listed by the Pulumi CLI")
    from ops.stacks.cli import account_stacks

    return account_stacks(project)
