"""``notifyctl recover``: bring a stack back into order after an operation that was cut off."""

from __future__ import annotations

import json as json_text
import sys
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.confirmation import ConfirmOption, require_confirmation
from ops.cli.printing import say
from ops.deploy.recovery import Recovery
from ops.stacks.console import Reporter
from ops.stacks.errors import UsageError


def recover(
    run: typer.Context,
    stack: StackOption,
    confirm: ConfirmOption = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Put a damaged state's copy back without asking.")
    ] = False,
    skip_verify: Annotated[
        bool,
        typer.Option("--skip-verify", help="Don't verify the service after an import."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Put a stack in order after an update that was killed, lost its connection or failed half-way.

    A state file that is empty or cut off is replaced by its newest whole copy, once that is
    confirmed. The lock of a process that is gone is taken away; the state is kept in a file and
    then brought to what is really there; creations that were cut off are settled; what exists
    already is imported, and the deployment finished with it. No store of data is deleted or
    replaced. Safe to repeat. A lock that another machine holds goes by --confirm STACK only.
    """
    reporter = Reporter(json=json)
    context = open_stack(run, stack, reporter)
    report = Recovery(
        context,
        confirm=lambda what: require_confirmation(stack, what, confirm),
        agree=lambda what: _agree(what, yes=yes),
    ).run(verify=not skip_verify)
    if json:
        say(json_text.dumps(report.document(), indent=2))
        return
    for line in report.lines():
        reporter.line(line)


def _agree(what: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{what}: give --yes, or run it on a terminal.")
    typer.confirm(f"{what}. Go on?", abort=True, err=True)
