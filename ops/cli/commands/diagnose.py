"""``notifyctl diagnose``: why doesn't it work?"""

from __future__ import annotations

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.database.stack_database import StackDatabase
from ops.observe.diagnosis.branch import Branch, Finding, Verdict
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
    """Find the cause of an incident, and say what to do next.

    Problems come first, the most serious on top: cause, start, an example, the next commands, when
    it counts as over, and the runbook's section. Then follow the four questions: reachable (DNS,
    TCP, TLS, an answer), errors (callers' answers, failed sends, log lines with the place in the
    code), speed (times, backlogs, the slowest sends), data (schema, consistency). Exit with 5 if
    one of them has a problem.
    """
    with Reporter(json=True).waiting("Looking at health, errors, speed and data"):
        branches = _branches(open_stack(run, stack))
    if json:
        document = {"stack": stack, "branches": [branch.document() for branch in branches]}
        say_json(document)
    else:
        reporter = Reporter()
        for branch in branches:
            for finding in branch.findings:
                _tell(branch, finding, reporter)
        for branch in branches:
            _show(branch, reporter)
    ill = [branch.name for branch in branches if branch.verdict is Verdict.ILL]
    if ill:
        raise VerificationFailed(
            f"The service of '{stack}' has problems in: {', '.join(ill)}. The first lines above "
            "say what "
            "to do next.",
            check=ill[0],
        )


def _branches(context: StackContext) -> list[Branch]:
    status = StackStatus.of(context, drift=False)
    databases = StackDatabase.all_of(context)
    with ServiceClient(status.url) as service:
        branches = [reachability(status.url, service)]
    branches.append(errors_branch(status, databases[0].account, databases))
    branches.append(speed_branch(status, databases))
    branches.append(data_branch(context.project, databases))
    return branches


def _tell(branch: Branch, finding: Finding, reporter: Reporter) -> None:
    mark, style = _MARKS["ill"]
    reporter.line(f"{mark} {branch.name}: {finding.what}", style=style)
    if finding.when:
        reporter.line(f"    {finding.when}")
    for step in finding.step:
        reporter.line(f"  → {step}", style="bold")
    reporter.line(f"    runbook: {finding.section}")


def _show(branch: Branch, reporter: Reporter) -> None:
    mark, style = _MARKS[branch.verdict.value]
    reporter.line(f"{mark} {branch.question} {branch.verdict.value}", style=style)
    for line in branch.found:
        reporter.line(f"    {line}")
