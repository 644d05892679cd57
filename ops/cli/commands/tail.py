"""``notifyctl tail``: the Worker's log lines, live."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import json_text as printed
from ops.cli.printing import say
from ops.observe.tail.line_filter import LineFilter
from ops.observe.tail.live_tail import LiveTail
from ops.observe.tail.log_line import LogLine
from ops.observe.tail.recorded_lines import recorded_lines
from ops.stacks.account import StackAccount
from ops.stacks.choice import choose_driver
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.errors import StackFailed
from ops.stacks.moment import counted


def tail(
    run: typer.Context,
    stack: StackOption = "local",
    level: Annotated[
        str, typer.Option("--level", "-l", help="Lowest level to show: debug, info, warn or error.")
    ] = "",
    path: Annotated[
        str, typer.Option("--path", help="Only requests to this path; '*' stands for anything.")
    ] = "",
    user: Annotated[str, typer.Option("--user", "-u", help="Only this user_id.")] = "",
    request_id: Annotated[
        str, typer.Option("--request-id", help="Only this request: its id, or how it begins.")
    ] = "",
    status: Annotated[
        str, typer.Option("--status", help="Only answers with this status: 404, or 5xx.")
    ] = "",
    text: Annotated[
        str, typer.Option("--text", help="Only lines that hold this text, in any case.")
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=0, help="End after this many lines; 0: never.")
    ] = 0,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0, help="End after this many seconds; 0: never.")
    ] = 0,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            "-f",
            help="Read lines that 'tail --json' has saved, in place of following; '-' reads them "
            "from standard input.",
            allow_dash=True,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Follow the service's structured log; a line has to meet every condition.

    With --json, each line is a JSON object; save them with '> lines.ndjson'. Notices go to standard
    error. End it with Ctrl-C.

    Example: notifyctl tail --stack production --level warn --path '/api/*'
    """
    wanted = LineFilter(
        level=level, path=path, user=user, request_id=request_id, status=status, text=text
    )
    notices, shown = Reporter(json=True), Reporter()
    source: Generator[LogLine | None, None, None] = (
        recorded_lines(file) if file else _followed(open_stack(run, stack, notices))
    )
    until = time.monotonic() + seconds if seconds else None
    count = 0
    try:
        with closing(source) as lines:
            for line in lines:
                if until is not None and time.monotonic() >= until:
                    break
                if line is None or not wanted.passes(line):
                    continue
                count += 1  # first: whoever has read it finds it counted
                _show(line, shown, json=json)
                if count == limit:
                    break
    except (KeyboardInterrupt, BrokenPipeError):
        pass  # Asked to end, or nobody reads any more.
    notices.line(counted(count, "line"))


def _followed(context: StackContext) -> Generator[LogLine | None, None, None]:
    stack = context.stack
    worker = choose_driver(context).outputs(show_secrets=False).get("worker_name")
    if not isinstance(worker, str):
        raise StackFailed(
            f"The stack '{stack}' has no Worker yet. Run 'notifyctl up --stack {stack}'."
        )
    return LiveTail(StackAccount.of(context), worker, context.reporter.line).lines()


def _show(line: LogLine, reporter: Reporter, *, json: bool) -> None:
    if json:
        say(printed(line.document(), indent=None))
        return
    style = {"error": "red", "warn": "yellow", "debug": "dim"}.get(line.level)
    reporter.line(line.shown(), style=style)
