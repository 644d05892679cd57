"""``notifyctl diagnose``: why doesn't it work?"""

from __future__ import annotations

import json as json_text

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.database.stack_database import StackDatabase
from ops.observe.diagnosis.branch import Branch, Verdict
from ops.observe.diagnosis.data_branch import data_branch
from ops.observe.diagnosis.errors_branch import errors_branch
from ops.observe.diagnosis.reachability import reachability
from ops.observe.diagnosis.speed_branch import speed_branch
from ops.observe.metrics.stack_status import StackStatus
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.errors import VerificationFailed
from ops.stacks.service import ServiceClient

_MARKS = {"well": ("✓", "green"), "unknown": ("?", "yellow"), "ill": ("✗", "red")}


def diagnose(run: typer.Context, stack: StackOption = "local", json: JsonOption = False) -> None:
    """Look for the reason of a disturbance, and say what to do next.

    Four branches: reachable (DNS, TCP, TLS, an answer), errors (rates, log lines with the place in
    the code, reasons of failed sends), speed (times, backlogs, the slowest sends), data (schema,
    consistency, and the way to a restore). Exit with 5 where one of them is ill.
    """
    branches = _branches(open_stack(run, stack, Reporter(json=True)))
    if json:
        document = {"stack": stack, "branches": [branch.document() for branch in branches]}
        typer.echo(json_text.dumps(document, indent=2))
    else:
        reporter = Reporter()
        for branch in branches:
            _show(branch, reporter)
    ill = [branch.name for branch in branches if branch.verdict is Verdict.ILL]
    if ill:
        raise VerificationFailed(
            f"The service of '{stack}' is ill in: {', '.join(ill)}. The lines above say what to "
            "do next.",
            check=ill[0],
        )


def _branches(context: StackContext) -> list[Branch]:
    reporter = context.reporter
    status = StackStatus.of(context, drift=False)
    database = StackDatabase.of(context)
    with reporter.step("Reachable"), ServiceClient(status.url) as service:
        branches = [reachability(status.url, service)]
    with reporter.step("Errors"):
        branches.append(errors_branch(status, database.account, database))
    with reporter.step("Speed"):
        branches.append(speed_branch(status, database))
    with reporter.step("Data"):
        branches.append(data_branch(context.project, database))
    return branches


def _show(branch: Branch, reporter: Reporter) -> None:
    mark, style = _MARKS[branch.verdict.value]
    reporter.line(f"{mark} {branch.question} {branch.verdict.value}", style=style)
    for line in branch.found:
        reporter.line(f"    {line}")
    for line in branch.advice:
        reporter.line(f"  → {line}", style="bold")
