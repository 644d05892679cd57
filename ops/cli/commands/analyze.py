"""``notifyctl analyze``: what saved log lines add up to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption
from ops.cli.printing import say_json
from ops.observe.tail.line_filter import LineFilter
from ops.observe.tail.line_statistics import LineStatistics
from ops.observe.tail.recorded_lines import recorded_lines
from ops.stacks.console import Reporter
from ops.stacks.moment import counted
from ops.stacks.table import number


def analyze(
    file: Annotated[
        Path,
        typer.Argument(
            help="Lines that 'tail --json' has saved; '-' reads standard input.", allow_dash=True
        ),
    ],
    errors: Annotated[
        bool, typer.Option("--errors", help="Show only the lines of level error.")
    ] = False,
    path: Annotated[
        str, typer.Option("--path", help="Only requests to this path; '*' stands for anything.")
    ] = "",
    json: JsonOption = False,
) -> None:
    """Count saved log lines by level, average the durations in them, and show the errors.

    Example: notifyctl tail --json --seconds 60 > lines.ndjson; notifyctl analyze lines.ndjson
    """
    wanted = LineFilter(level="error" if errors else "", path=path)
    found = LineStatistics.of(line for line in recorded_lines(file) if wanted.passes(line))
    document = found.document()
    if json:
        say_json(document)
        return
    reporter = Reporter()
    if not errors:
        counts = ", ".join(f"{count} {level}" for level, count in found.levels.items())
        reporter.line(f"{counted(document['lines'], 'line')}: {counts or 'none'}")
        reporter.table(
            "measured",
            *map(number, ("count", "average ms", "median ms", "p95 ms", "most ms")),
            rows=[
                (what, *("-" if value is None else f"{value:g}" for value in metrics.values()))
                for what, metrics in [("all", document["durations"]), *document["by_path"].items()]
            ],
        )
    for line in found.errors:
        reporter.line(line.shown(), style="red")
