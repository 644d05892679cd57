"""``notifyctl deploy``: told, planned, approved, deployed, verified, reported."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.commands.check import (
    ChangeKind,
    ChecklistOption,
    ConfirmOption,
    KindOption,
    OverrideOption,
    SkipOption,
    skipped_checks,
)
from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.confirmation import LossOption, require_confirmation
from ops.cli.invocation import Invocation
from ops.cli.printing import say_json
from ops.deploy.preflight.preflight import PreflightOptions
from ops.deploy.rollout.canary import CanaryPlan
from ops.deploy.rollout.rollout import Rollout, RolloutOptions
from ops.stacks.console import Reporter


def deploy(
    run: typer.Context,
    stack: StackOption,
    message: Annotated[
        str, typer.Option("--message", "-m", help="Message of the update in the stack's history.")
    ] = "",
    approved_by: Annotated[
        list[str] | None,
        typer.Option(
            help="Who approved; for production two different people. It is recorded, not checked."
        ),
    ] = None,
    window: Annotated[str, typer.Option(help="Planned time, shown in the notices.  [now]")] = "",
    scope: Annotated[
        str, typer.Option(help="What it affects, shown in the notices.  [the planned changes]")
    ] = "",
    canary: Annotated[
        bool,
        typer.Option("--canary", help=("Shift traffic in steps, and judge each before the next.")),
    ] = False,
    steps: Annotated[str, typer.Option(help="The canary's percentages.")] = "10,50,100",
    watch: Annotated[str, typer.Option(help="Longest time to judge one step: 90s, 5m, 1h.")] = "5m",
    least: Annotated[
        int, typer.Option(min=0, help="Requests that the new version needs before it is judged.")
    ] = 200,
    roll_back: Annotated[
        bool,
        typer.Option(
            "--rollback/--no-rollback", help="Roll back a release that fails its verification."
        ),
    ] = True,
    health_pause: Annotated[
        float,
        typer.Option("--health-pause", min=0, help="Seconds between the three health checks."),
    ] = 10.0,
    report: Annotated[
        Path | None,
        typer.Option(help="File of the report; default: reports/ below the local state's folder."),
    ] = None,
    kind: KindOption = ChangeKind.ROUTINE,
    override: OverrideOption = "",
    confirm: ConfirmOption = None,
    confirm_loss: LossOption = None,
    checklist: ChecklistOption = None,
    skip: SkipOption = None,
    json: JsonOption = False,
) -> None:
    """Check, notify the team, preview, ask for approval, deploy, verify, and write the report.

    It first runs the checks of 'notifyctl check': in production, a failed check stops it (exit code
    8); elsewhere, it is a warning. A version that doesn't boot or fails its smoke test never
    serves. A version that fails the verification is rolled back (exit code 5). Notices go to
    LARK_DEPLOY_WEBHOOK (signed with LARK_DEPLOY_SECRET), SLACK_DEPLOY_WEBHOOK and DEPLOY_WEBHOOK.
    """
    plan = CanaryPlan.parse(steps, watch, least) if canary else None
    reporter = Reporter(json=json)
    context = open_stack(run, stack, reporter)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = report or context.project.home / "reports" / f"{stack}-{stamp}.json"
    options = RolloutOptions(
        message=message,
        approved_by=tuple(approved_by or ()),
        window=window,
        scope=scope,
        canary=plan,
        roll_back=roll_back,
        health_pause=health_pause,
        confirm_loss=lambda what: require_confirmation(
            stack, what, confirm_loss, option="--confirm-loss"
        ),
        preflight=PreflightOptions(
            kind=kind.value,
            override=override,
            confirm=tuple(confirm or ()),
            checklist=checklist,
            skip=skipped_checks(skip or ()),
        ),
    )
    invocation: Invocation = run.obj
    done = Rollout(context, report_file=path, interruption=invocation.interruption).run(options)
    if json:
        say_json(done.document())
    else:
        for line in done.lines(path):
            reporter.line(line)
