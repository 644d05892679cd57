"""Which stacks there are in the state backend."""

from __future__ import annotations

from ops.stacks.context import StackContext
from ops.stacks.pulumi_cli import PulumiCli

_PROJECT = "notification-system"


def stack_names(context: StackContext) -> list[str]:
    """Return the names of the project's stacks, sorted.

    The local stacks' backend is looked into for a local stack, else the account's.

    Raises:
        ToolMissing: the account's backend is read by the Pulumi CLI, and there is none.
        StackFailed: the CLI refuses (not logged in, …).
    """
    project = context.project
    if context.is_local:
        folder = project.backend_dir / ".pulumi" / "stacks" / _PROJECT
        return sorted(path.stem for path in folder.glob("*.json"))
    cli = PulumiCli.needed(
        project.root,
        context.environment,
        why="The stacks are listed by the Pulumi CLI",
        reporter=context.reporter,
    )
    from ops.stacks.cli_workspace import account_stacks

    return account_stacks(project, cli)
