"""``notifyctl rollback``: back to the last good release, or to a named one."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say, say_json
from ops.deploy.rollback.decision import steps_for
from ops.deploy.rollback.rollback import Rollback
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.errors import GateClosed, UsageError

app = typer.Typer(
    invoke_without_command=True,
    help="Go back to the last good release, or to the one that --to names.",
)


@app.callback(invoke_without_command=True)
def rollback(
    run: typer.Context,
    stack: Annotated[
        str | None,
        typer.Option("--stack", "-s", envvar="NOTIFYCTL_STACK", help="The stack; no default."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="RELEASE",
            help="Version id or its first 8 characters, commit, or number of the update.",
        ),
    ] = None,
    plan_only: Annotated[
        bool, typer.Option("--plan-only", help="Show what would be done, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    reason: Annotated[
        str, typer.Option("--reason", "-m", help="Reason, for the pin, the notices and the review.")
    ] = "",
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Go back even if the gate refuses or can't answer; needs --reason.",
        ),
    ] = False,
    settings: Annotated[
        bool,
        typer.Option(
            "--settings",
            help="Also restore the release's settings in the stack's file, without its secrets.",
        ),
    ] = False,
    commit: Annotated[
        bool | None,
        typer.Option(
            "--commit/--no-commit",
            help="Commit the pin and the draft review.  [only in a pipeline]",
        ),
    ] = None,
    health_pause: Annotated[
        float,
        typer.Option("--health-pause", min=0, help="Seconds between the three health checks."),
    ] = 10.0,
    json: JsonOption = False,
) -> None:
    """Go back: code and assets as one version, at once, without a build where that is possible.

    The gate refuses (exit code 8) if the database's schema, a store or the version doesn't allow
    it. The applied migrations are read from the API, otherwise from the service, otherwise from the
    state. A send verifies the rollback. Data is never rolled back: see 'notifyctl db restore'.
    Running the command again doesn't go further back.
    Example: notifyctl rollback --stack production --reason 'sends fail'
    """
    if run.invoked_subcommand is not None:
        return
    if stack is None:
        raise UsageError("Name the stack: notifyctl rollback --stack STACK.")
    if force and not reason.strip():
        raise UsageError("--force needs a reason for the review: --reason 'why it can't wait'.")
    reporter = Reporter(json=json)
    context = open_stack(run, stack, reporter)
    work = Rollback(context, start=not plan_only)
    plan = work.plan(to=to, force=force)
    for line in plan.lines():
        reporter.line(line)
    if plan_only and json:
        say_json(plan.document())
    if plan.refusals:
        raise GateClosed(" ".join(plan.refusals))
    if plan_only:
        return
    in_pipeline = _confirmed(context, yes=yes)
    report = work.run(
        plan,
        reason=reason,
        commit=in_pipeline if commit is None else commit,
        pause=health_pause,
        settings=settings,
    )
    if json:
        say_json(report.document())
    for line in report.lines():
        reporter.line(line)


def _confirmed(context: StackContext, *, yes: bool) -> bool:
    """Ask, unless that was answered before; returns whether a pipeline runs the command."""
    in_pipeline = context.origin.is_pipeline
    if yes or in_pipeline:
        return in_pipeline
    if not sys.stdin.isatty():
        raise UsageError("This changes what serves: give --yes, or run it on a terminal.")
    if not typer.confirm("Go back?", err=True):
        raise UsageError("Nothing was changed.")
    return False


@app.command()
def plan(
    kind: Annotated[
        str, typer.Option("--kind", "-k", help="What is at fault: code, data or config.")
    ],
    stack: StackOption = "production",
    json: JsonOption = False,
) -> None:
    """Print the steps for a fault of code, of data or of configuration. Nothing is changed."""
    steps = steps_for(kind, stack)
    if json:
        document = [{"step": step.text, "command": step.command} for step in steps]
        say_json(document)
        return
    for number, step in enumerate(steps, 1):
        say(f"{number}. {step.text}")
        if step.command:
            say(f"   {step.command}")
