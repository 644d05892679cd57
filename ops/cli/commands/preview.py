"""``notifyctl preview``: what an update would change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.database.migration_lint import MigrationLint
from ops.deploy.baseline import Baseline
from ops.deploy.baseline_preview import BaselinePreview
from ops.deploy.deployment import Deployment
from ops.deploy.offline_preview import EMPTY_ACCOUNT, OfflinePreview
from ops.stacks.active_deployment import left_canary, serving_shares
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import GateClosed, StackFailed, UsageError
from ops.stacks.moment import counted


def preview(
    run: typer.Context,
    stack: StackOption = "local",
    json: JsonOption = False,
    expect_no_changes: Annotated[
        bool,
        typer.Option("--expect-no-changes", help="Exit with 4 if anything would change."),
    ] = False,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Plan against an empty, throw-away account on this machine: any stack, without "
            "a credential, a network or a trace.",
        ),
    ] = False,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            help="Plan against the real account by a file of 'pr baseline', with a token that "
            "only reads and without the stack's secrets.",
        ),
    ] = None,
) -> None:
    """Show what 'up' would change. It changes and starts nothing."""
    context = open_stack(run, stack, Reporter(json=json))
    if offline and baseline is not None:
        raise UsageError("--offline asks no account, and --baseline does. Leave one of them out.")
    _judge_migrations(context)
    if baseline is not None:
        _against(baseline, context, json=json, expect_no_changes=expect_no_changes)
        return
    if offline:
        if expect_no_changes:
            raise UsageError(
                "--expect-no-changes can't hold offline: against an empty account everything "
                "is new. Leave one of the two out."
            )
        _offline(context, json=json)
        return
    result = Deployment(context).preview(start=False)
    shares = serving_shares(context)
    if told := left_canary(shares, stack):
        # The plan sends all requests to one version.
        context.reporter.line(told, style="yellow")
    if json:
        document = {
            "changes": dict(result.changes),
            "changed": result.changed,
            "steps": result.step_documents(),
            "serving": dict(shares),
        }
        say_json(document)
    if expect_no_changes:
        _require_no_changes(result)


def _require_no_changes(result: StackUpdate) -> None:
    if result.changed:
        raise StackFailed(
            f"{counted(result.changed, 'change')} were planned and none was expected. "
            "The lines above name them."
        )


def _judge_migrations(context: StackContext) -> None:
    """Judge the migration files, as `db lint` does, before anything is planned.

    Raises:
        GateClosed: one of them would be refused.
    """
    with context.reporter.step("Migrations judged") as step:
        found = MigrationLint.of(context.project, asks_d1=False)
        step.detail = counted(found.files, "file")
    if found.problems:
        raise GateClosed(
            f"{found.problems[0]} "
            f"{counted(len(found.problems), 'problem')} in the migration files, so nothing was "
            "planned. 'notifyctl db lint' shows each."
        )


def _against(file: Path, context: StackContext, *, json: bool, expect_no_changes: bool) -> None:
    plan = BaselinePreview(context, Baseline.read(file)).run()
    if json:
        say_json(plan.document())
    else:
        reporter = context.reporter
        told = {key: text for key, text in plan.secrets.items() if text != "same"}
        for key, text in told.items():
            reporter.line(f"secret {key}: {text}", style="yellow")
        if not told:
            reporter.line(f"secrets: {len(plan.secrets)}, all of them the deployed ones")
        reporter.line(
            "Planned against the real account without the stack's secrets: a placeholder stood "
            "for each."
        )
    if expect_no_changes:
        _require_no_changes(plan.update)


def _offline(context: StackContext, *, json: bool) -> None:
    plan = OfflinePreview(context).run()
    if json:
        say_json(plan.document())
        return
    reporter = context.reporter
    reporter.line("")
    reporter.line(EMPTY_ACCOUNT)
    for stand in plan.stands:
        reporter.line(f"  {stand.key}: {stand.text}", style="dim")
