"""``notifyctl deploy``: told, planned, approved, deployed, verified, reported."""

from __future__ import annotations

import json as json_text
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
from ops.cli.printing import say
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
            help="Who approved; for production two different people. A record, not a check."
        ),
    ] = None,
    window: Annotated[
        str, typer.Option(help="When it is planned for, for the notices; default: now.")
    ] = "",
    scope: Annotated[
        str, typer.Option(help="What it touches, for the notices; default: the planned changes.")
    ] = "",
    canary: Annotated[
        bool, typer.Option("--canary", help="In steps, each judged before the next.")
    ] = False,
    steps: Annotated[str, typer.Option(help="The canary's percentages.")] = "10,50,100",
    watch: Annotated[str, typer.Option(help="Longest time to judge one step: 90s, 5m, 1h.")] = "5m",
    least: Annotated[
        int, typer.Option(min=0, help="Requests that the new version must have had to be judged.")
    ] = 200,
    roll_back: Annotated[
        bool,
        typer.Option(
            "--rollback/--no-rollback", help="Take a release back that fails its verification."
        ),
    ] = True,
    health_pause: Annotated[
        float,
        typer.Option("--health-pause", min=0, help="Seconds between two health checks of three."),
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
    """Check, tell the team, preview, ask for approval, deploy, verify, tell, and write the report.

    First come the checks of 'notifyctl check': in production one that fails stops (exit code 8),
    elsewhere it warns. A version that doesn't boot or fails its smoke test never serves; one that
    fails the verification is taken back (exit code 5). Notices go to LARK_DEPLOY_WEBHOOK (signed
    with LARK_DEPLOY_SECRET), SLACK_DEPLOY_WEBHOOK and DEPLOY_WEBHOOK, where they are set.
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
    done = Rollout(context, report_file=path).run(options)
    if json:
        say(json_text.dumps(done.document(), indent=2))
    else:
        for line in done.lines(path):
            reporter.line(line)
