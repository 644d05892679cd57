"""``notifyctl import``: bring what exists under management."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ops.adoption.adoption import Adoption
from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.deploy.deployment import Deployment
from ops.stacks.console import Reporter
from ops.stacks.errors import OperationError, UsageError


def import_resources(
    run: typer.Context,
    stack: StackOption,
    plan_only: Annotated[
        bool, typer.Option("--plan-only", help="Show the plan and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    skip_verify: Annotated[
        bool, typer.Option("--skip-verify", help="Deploy only; don't verify the service.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Import the database, namespace, queues and Worker that the account already has.

    It finds them by the stack's names, or by ID: PROD_DB_ID, PROD_KV_ID, DEV_DB_ID, DEV_KV_ID in
    the environment, or the settings adoptDatabaseId, adoptNamespaceId, adoptRetryQueueId,
    adoptFailedQueueId, adoptWorkerId. Databases after the first are found by their names. It
    creates nothing twice, loses no data, and converts a database of the earlier service. It shows
    the plan first. Safe to repeat.
    """
    reporter = Reporter(json=json)
    adoption = Adoption(open_stack(run, stack, reporter), Deployment)
    plan = adoption.plan()
    for line in plan.lines():
        reporter.line(line)
    if plan.is_empty or plan_only:
        if plan.is_empty:
            reporter.line("There is nothing to import.")
        else:
            adoption.preview(plan)
        if json:
            say_json(plan.document())
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("This changes the account: give --yes, or run it on a terminal.")
        typer.confirm("Import this?", abort=True)
    report = adoption.run(plan, verify=not skip_verify)
    if json:
        say_json(report.document())
    else:
        for line in report.deployment.summary():
            reporter.line(line)
    if report.staying or report.in_clear:
        tables = ", ".join(f"{name} ({count})" for name, count in report.staying.items())
        raise OperationError(
            f"Imported, but not whole: {report.in_clear} configurations are in clear text"
            + (f", and rows that have no place in this schema stay in {tables}." if tables else ".")
            + " Look at them, correct or delete them, and run the same command again."
        )
