"""Which engine carries out a stack's operations.

Two modes only: the real CLI with real plugins, or, on stacks whose endpoints are loopback addresses
and on no others, the embedded engine with stand-in providers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.stacks.context import StackContext
from ops.stacks.driver import StackDriver
from ops.stacks.errors import StackMissing, UsageError
from ops.stacks.pulumi_cli import PulumiCli

if TYPE_CHECKING:
    from ops.stacks.local_stack import LocalStack

ENGINE_VARIABLE = "NOTIFYCTL_ENGINE"
"""``cli`` or ``embedded``: overrides the choice on loopback stacks."""


def choose_driver(context: StackContext) -> StackDriver:
    """Return what carries out the operations of the context's stack.

    Raises:
        ToolMissing: the stack isn't a loopback one and there is no Pulumi CLI.
        UsageError: ``NOTIFYCTL_ENGINE`` asks for what can't be.
    """
    stack = context.stack
    wanted = _wanted(context)
    if not context.is_local:
        if wanted == "embedded":
            raise UsageError(
                f"The embedded engine runs stacks on loopback addresses only, and '{stack}' talks "
                f"to {context.file.known.cloudflare_base_url}. Unset {ENGINE_VARIABLE}."
            )
        from ops.stacks.cli import CliDriver
        from ops.stacks.cli_workspace import CliWorkspace

        return CliDriver(CliWorkspace.for_account(context))

    from ops.stacks.local_stack import LocalStack

    local = LocalStack.prepare(context)
    if runs_cli(context):
        cli = _asked_for(context)
        from ops.stacks.cli import CliDriver
        from ops.stacks.cli_workspace import CliWorkspace

        return CliDriver(CliWorkspace.for_local(context.project, local, cli))
    from ops.stacks.embedded import EmbeddedDriver

    return EmbeddedDriver(context.project, local)


def first_outputs(context: StackContext, *, show_secrets: bool) -> Mapping[str, Any]:
    """Return the stack's outputs, none where the stack isn't there yet: a deployment makes it.

    Raises:
        ToolMissing: as `choose_driver`.
        StackFailed: the outputs can't be read.
    """
    try:
        return choose_driver(context).outputs(show_secrets=show_secrets)
    except StackMissing:
        return {}


def throwaway_driver(context: StackContext, local: LocalStack) -> StackDriver:
    """Return what plans a stack against a throw-away account.

    It is the embedded engine, which is on every machine and faster, unless ``NOTIFYCTL_ENGINE`` is
    ``cli``.

    Raises:
        ToolMissing: the CLI was asked for, and there is none.
        UsageError: ``NOTIFYCTL_ENGINE`` asks for what can't be.
    """
    if _wanted(context) == "cli":
        cli = _asked_for(context)
        from ops.stacks.cli import CliDriver
        from ops.stacks.cli_workspace import CliWorkspace

        return CliDriver(CliWorkspace.for_local(context.project, local, cli))
    from ops.stacks.embedded import EmbeddedDriver

    return EmbeddedDriver(context.project, local)


def baseline_driver(context: StackContext, local: LocalStack) -> StackDriver:
    """Return what plans a stack in a file backend of its own, against its real account.

    Raises:
        ToolMissing: the stack isn't a loopback one and there is no Pulumi CLI.
    """
    if context.is_local and not runs_cli(context):
        from ops.stacks.embedded import EmbeddedDriver

        return EmbeddedDriver(context.project, local)
    cli = PulumiCli.needed(
        context.project.root,
        context.environment,
        why=f"The stack '{context.stack}' is planned by the Pulumi CLI",
        reporter=context.reporter,
    )
    from ops.stacks.cli import CliDriver
    from ops.stacks.cli_workspace import CliWorkspace

    return CliDriver(
        CliWorkspace.for_local(context.project, local, cli, gets_plugins=not context.is_local)
    )


def runs_cli(context: StackContext) -> bool:
    """Say whether a loopback stack's operations are the Pulumi CLI's.

    They are where ``NOTIFYCTL_ENGINE`` says so, or where both a CLI and the real Cloudflare plugin
    are on this machine.

    The CLI keeps plugins in its home as ``plugins/resource-NAME-vVERSION``; it isn't asked, since
    its start takes longer than many a command.
    """
    if wanted := _wanted(context):
        return wanted == "cli"
    home = Path(context.environment.get("PULUMI_HOME") or Path.home() / ".pulumi")
    cli = PulumiCli.found(context.project.root, context.environment)
    return cli is not None and any((home / "plugins").glob("resource-cloudflare-v*/"))


def _wanted(context: StackContext) -> str:
    wanted = context.environment.get(ENGINE_VARIABLE, "")
    if wanted not in {"", "cli", "embedded"}:
        raise UsageError(f"{ENGINE_VARIABLE} is '{wanted}'; it must be 'cli' or 'embedded'.")
    return wanted


def _asked_for(context: StackContext) -> PulumiCli:
    return PulumiCli.needed(
        context.project.root,
        context.environment,
        why=f"{ENGINE_VARIABLE} asks for the Pulumi CLI",
        reporter=context.reporter,
    )
