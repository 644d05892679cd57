"""``notifyctl drift``: what differs between the state and what is really there."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.deploy.deployment import Deployment
from ops.observe.drift.drift import Drift, DriftReport
from ops.stacks.active_deployment import left_canary, serving_shares
from ops.stacks.console import Reporter
from ops.stacks.errors import DriftFound, ServiceError
from ops.stacks.moment import counted


def drift(
    run: typer.Context,
    stack: StackOption = "local",
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Correct the differences, then compare again."),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit with 7 for unmanaged properties, too."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Compare the stack's state with the account, the repository and the running service.

    It compares every property that the program sets: serving versions and their percentages, crons,
    queues with their consumers, domain, route, the Worker's switches, stores, tokens with scopes,
    addresses and expiry, GitHub's environments with reviewers, branches and admin bypass,
    variables, secrets by fingerprint or time, and how many databases have recipients. Properties
    that only somebody else set are reported as unmanaged. Exit with 7 if anything differs (with
    --strict, or is unmanaged), and with 6 if nothing differs but something couldn't be compared.
    """
    reporter = Reporter(json=json)
    context = open_stack(run, stack, reporter)
    probe = Drift(context)
    report = probe.probe()
    repaired = bool(repair and report.findings)
    if repaired:
        probe.repair(report, Deployment(context))
        before, report = report, probe.probe()
    if json:
        document = report.document()
        if repaired:
            document["repaired"] = [finding.document() for finding in before.findings]
        say_json(document)
    for finding in report.findings:
        reporter.line(
            f"  {finding.kind} of {finding.resource}: {finding.found}, not {finding.expected}",
            style="yellow",
        )
    if told := left_canary(serving_shares(context), stack):
        reporter.line(f"  {told}", style="yellow")
    for unknown in report.unknown:
        reporter.line(
            f"  {unknown.kind} of {unknown.resource}: unknown. {unknown.reason}", style="yellow"
        )
    for unmanaged in report.unmanaged:
        reporter.line(
            f"  {unmanaged.kind} of {unmanaged.resource}: {unmanaged.found}, which the program "
            "doesn't manage",
            style="dim",
        )
    _judge(report, repaired=repaired, strict=strict)


def _judge(report: DriftReport, *, repaired: bool, strict: bool) -> None:
    """End the command as the report asks for.

    Raises:
        DriftFound: something differs, or with ``strict`` is unmanaged.
        ServiceError: something couldn't be compared.
    """
    stack = report.stack
    if report.findings:
        found = counted(len(report.findings), "difference")
        # What a repair left is there still: the same command wouldn't take it away.
        left = "A person has to resolve the rest: see the lines above. "
        advice = f"{left}{report.by_hand}".rstrip() if repaired else report.advice
        raise DriftFound(f"{found} between the state of '{stack}' and what is there. {advice}")
    if strict and report.unmanaged:
        unmanaged = counted(len(report.unmanaged), "unmanaged property", "unmanaged properties")
        raise DriftFound(f"'{stack}' has {unmanaged}. Reset them, or let the program set them.")
    if report.unknown:
        kinds = ", ".join(unknown.kind for unknown in report.unknown)
        raise ServiceError(
            f"Nothing differs in what could be compared of '{stack}', but {kinds} couldn't be "
            "compared. "
            f"'notifyctl diagnose --stack {stack}' looks for the reason; then compare again."
        )
