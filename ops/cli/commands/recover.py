"""``notifyctl recover``: bring a stack back into order after an operation that was cut off."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.confirmation import ConfirmOption, require_confirmation
from ops.cli.printing import say_json
from ops.deploy.recovery import Recovery
from ops.stacks.console import Reporter
from ops.stacks.errors import UsageError


def recover(
    run: typer.Context,
    stack: StackOption,
    confirm: ConfirmOption = None,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help=("Restore a damaged state from its copy without asking.")),
    ] = False,
    skip_verify: Annotated[
        bool,
        typer.Option("--skip-verify", help="Don't verify the service after an import."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Repair a stack after an update that was killed, lost its connection or failed halfway.

    It replaces an empty or truncated state file with its newest complete copy, after you confirm.
    It removes the lock of a process that no longer runs, saves the state to a file, refreshes it,
    resolves unfinished creations, imports resources that exist already, and completes the
    deployment. It never deletes or replaces a data store. Safe to repeat. The lock of another
    machine needs --confirm STACK.
    """
    reporter = Reporter(json=json)
    context = open_stack(run, stack, reporter)
    report = Recovery(
        context,
        confirm=lambda what: require_confirmation(stack, what, confirm),
        agree=lambda what: _agree(what, yes=yes),
    ).run(verify=not skip_verify)
    if json:
        say_json(report.document())
        return
    for line in report.lines():
        reporter.line(line)


def _agree(what: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{what}: give --yes, or run it on a terminal.")
    typer.confirm(f"{what}. Go on?", abort=True, err=True)
