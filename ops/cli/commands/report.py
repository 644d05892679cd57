"""``notifyctl report``: what to look at each day, week and month."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say, say_json
from ops.observe.reports.operation_report import OperationReport, Period
from ops.stacks.console import Reporter

app = typer.Typer(no_args_is_help=True, help="Make the report of a day, a week or a month.")

FileOption = Annotated[
    Path | None, typer.Option("--file", "-o", help="Write the report there, as Markdown.")
]
CleanOption = Annotated[
    bool, typer.Option("--clean", help="Also remove notifications older than 30 days.")
]


@app.command()
def daily(
    run: typer.Context,
    stack: StackOption = "local",
    file: FileOption = None,
    json: JsonOption = False,
) -> None:
    """Report on the last day: errors, queues, and metrics by their thresholds."""
    _report(run, "daily", stack, file, json=json, clean=False)


@app.command()
def weekly(
    run: typer.Context,
    stack: StackOption = "local",
    file: FileOption = None,
    clean: CleanOption = False,
    json: JsonOption = False,
) -> None:
    """Report on seven days: the same, slow statements and sends, and old notifications."""
    _report(run, "weekly", stack, file, json=json, clean=clean)


@app.command()
def monthly(
    run: typer.Context,
    stack: StackOption = "local",
    file: FileOption = None,
    clean: CleanOption = False,
    json: JsonOption = False,
) -> None:
    """Report on thirty days: the same, capacity with a projection, drift, the age of keys."""
    _report(run, "monthly", stack, file, json=json, clean=clean)


def _report(
    run: typer.Context, name: str, stack: str, file: Path | None, *, json: bool, clean: bool
) -> None:
    report = OperationReport.make(
        open_stack(run, stack, Reporter(json=True)), Period(name), clean=clean
    )
    if file is not None:
        file.write_text(report.markdown(), encoding="utf-8")
    if json:
        say_json(report.document())
    elif file is None:
        say(report.markdown())
    else:
        say(f"Report written to {file}")
