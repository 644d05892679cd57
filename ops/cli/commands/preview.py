"""``notifyctl preview``: what an update would change."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say
from ops.deploy.deployment import Deployment
from ops.deploy.offline_preview import EMPTY_ACCOUNT, OfflinePreview
from ops.stacks.active_deployment import left_canary, serving_shares
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.errors import StackFailed, UsageError
from ops.stacks.moment import counted


def preview(
    run: typer.Context,
    stack: StackOption = "local",
    json: JsonOption = False,
    expect_no_changes: Annotated[
        bool,
        typer.Option("--expect-no-changes", help="Exit with 4 where anything would change."),
    ] = False,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Plan against an empty, throw-away account on this machine: any stack, without "
            "a credential, a network or a trace.",
        ),
    ] = False,
) -> None:
    """Say what 'up' would change. Nothing of the stack is changed, and nothing is started."""
    context = open_stack(run, stack, Reporter(json=json))
    if offline:
        if expect_no_changes:
            raise UsageError(
                "--expect-no-changes can't hold offline: against an empty account everything "
                "is new. Leave one of the two out."
            )
        _offline(context, json=json)
        return
    result = Deployment(context).preview(start=False)
    if len(shares := serving_shares(context)) > 1:
        # The plan sends all requests to one version.
        context.reporter.line(left_canary(shares, stack), style="yellow")
    if json:
        document = {
            "changes": dict(result.changes),
            "changed": result.changed,
            "serving": dict(shares),
        }
        say(json_text.dumps(document, indent=2))
    if expect_no_changes and result.changed:
        raise StackFailed(
            f"{counted(result.changed, 'change')} were planned and none was expected. "
            "The lines above name them."
        )


def _offline(context: StackContext, *, json: bool) -> None:
    plan = OfflinePreview(context).run()
    if json:
        say(json_text.dumps(plan.document(), indent=2))
        return
    reporter = context.reporter
    reporter.line("")
    reporter.line(EMPTY_ACCOUNT)
    for stand in plan.stands:
        reporter.line(f"  {stand.key}: {stand.text}", style="dim")
