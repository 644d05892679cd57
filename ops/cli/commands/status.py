"""``notifyctl status``: how the deployed service is."""

from __future__ import annotations

from textwrap import wrap
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.observe.metrics.stack_status import StackStatus
from ops.stacks.active_deployment import left_canary
from ops.stacks.console import Reporter
from ops.stacks.errors import ServiceError
from ops.stacks.moment import counted, shown_time
from ops.stacks.table import number, whole

_NO_FIGURES = (
    "Cloudflare's analytics don't say",
    "the service finished no notification",
    "nobody called",
)
"""Where nothing was refused, and there is nothing to tell: --json has these reasons."""
_WIDTH = 80
"""Columns of the terminal that the screen is made for."""
_STYLES = {"warning": "yellow", "critical": "red", "information": "cyan"}


def status(
    run: typer.Context,
    stack: StackOption = "local",
    drift: Annotated[
        bool, typer.Option("--drift/--no-drift", help="Also look for drift, which takes longest.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show health, versions, channels and metrics with their thresholds on one screen.

    Levels: a warning above 1 % of failures, 1 s of response time or 100 MB of memory; critical
    above 1000 messages in a queue; information above 50 ms of CPU time. Missing figures are shown
    as unknown. Exit with 6 if the service isn't healthy; levels and drift don't change the code.
    """
    with Reporter(json=True).waiting("Looking at the service and its account"):
        found = StackStatus.of(open_stack(run, stack), drift=drift)
    if json:
        say_json(found.document())
    else:
        _show(found, Reporter())
    if not found.is_healthy:
        raise ServiceError(
            f"The service of '{stack}' isn't healthy: GET /health answered "
            f"{found.health_status or 'nothing'}. 'notifyctl diagnose --stack {stack}' looks for "
            "the reason.",
            status=found.health_status,
        )


def _show(found: StackStatus, reporter: Reporter) -> None:
    health = found.health
    parts = ", ".join(
        f"{part} {health.get(part, 'unknown')}" for part in ("database", "cache", "queues")
    )
    for name, value in (
        ("stack", f"{found.stack}, {found.url}"),
        ("status", f"{health.get('status', 'unknown')}: {parts}"),
        ("drift", _drift(found)),
    ):
        reporter.line(f"{name:<9} {value}")
    problems = [str(problem.get("message", "")) for problem in found.problems]
    for problem in filter(None, [found.disk, *problems]):
        reporter.line(f"{'problem':<9} {problem}", style="yellow")
    reporter.line("")
    reporter.table(
        whole("version"),
        number("traffic"),
        number("requests 1 h"),
        number("failed"),
        rows=[
            (version, f"{share:g} %", *map(str, found.metrics.versions.get(version, ("-", "-"))))
            for version, share in found.shares.items()
        ],
    )
    reporter.table(
        "channel",
        number("sent 1 h"),
        number("failed 1 h"),
        number("in retry"),
        number("waiting"),
        whole("oldest"),
        rows=[
            (
                one.channel,
                *(f"{count:,}" for count in (one.sent, one.failed, one.retrying, one.waiting)),
                shown_time(one.oldest),
            )
            for one in found.channels
        ],
    )
    reporter.line("")
    reporter.table(
        "metric",
        number("value"),
        number("threshold"),
        "level",
        rows=[
            (
                reading.metric.name,
                reading.shown,
                f"{reading.threshold:g} {reading.metric.unit}",
                reading.level.value,
            )
            for reading in found.readings
        ],
    )
    _show_levels(found, reporter)
    for line in _worst_failure(found):
        reporter.line(line, style="yellow")
    if told := left_canary(found.shares, found.stack):
        reporter.line(told, style="yellow")
    for reading in found.readings:
        if reading.metric.value is None and not reading.metric.source.startswith(_NO_FIGURES):
            reporter.line(
                f"unknown: {reading.metric.name}: {reading.metric.source}", style="yellow"
            )
    for line in [*found.unknown_lines, *(found.drift.unknown_lines if found.drift else ())]:
        reporter.line(line, style="yellow")


def _show_levels(found: StackStatus, reporter: Reporter) -> None:
    """Name what is beyond its threshold, a line for each level, so that all fits the screen."""
    for level, style in _STYLES.items():
        at_level = [f"{r.metric.name} {r.shown}" for r in found.readings if r.level.value == level]
        if at_level:
            for line in wrap(f"{level}: {'; '.join(at_level)}", _WIDTH, subsequent_indent="  "):
                reporter.line(line, style=style)


def _worst_failure(found: StackStatus) -> list[str]:
    """Return what callers met most often in the last hour, in lines that fit the screen."""
    failures = found.metrics.callers.failures()
    if not failures:
        return []
    worst = failures[0]
    said = f"{counted(worst.calls, 'time')} {worst.said}, last at {shown_time(worst.last)}"
    return wrap(said, _WIDTH, subsequent_indent="  ")


def _drift(found: StackStatus) -> str:
    if found.drift is None:
        return "unknown" if "drift" in found.unknown else "not looked for (--drift)"
    count = len(found.drift.findings)
    blind = ", ".join(unknown.kind for unknown in found.drift.unknown)
    said = f"none in {counted(found.drift.checked, 'resource')}"
    if count:
        said = f"{count} of {found.drift.checked} resources; see 'notifyctl drift'"
    return f"{said}; unknown: {blind}" if blind else said
