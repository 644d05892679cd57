"""``notifyctl dev``: a stack's Worker on this machine, deployed again with each change."""

from __future__ import annotations

import json as json_text
from dataclasses import asdict
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.invocation import Invocation
from ops.cli.printing import say
from ops.deploy.development.development_run import Address, DevelopmentRun
from ops.observe.tail.log_line import LEVELS, LogLine
from ops.stacks.console import Reporter


def dev(
    run: typer.Context,
    stack: StackOption = "local",
    port: Annotated[
        int,
        typer.Option(
            "--port", "-p", min=0, max=65535, help=("Port of the service; 0 takes a free one.")
        ),
    ] = 8790,
    debug: Annotated[
        bool, typer.Option("--debug", help="Log everything and show every line.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run the Worker with a stack's settings, and redeploy it when worker/src changes.

    It runs on a temporary local cloud with empty stores and generated secrets. It reads no
    credentials, and nothing leaves this machine. Without --debug it shows only warnings and errors
    of the Worker. If a version doesn't start, the previous one stays. End it with Ctrl-C.

    Example: notifyctl dev --stack production --port 8790 --debug
    """
    reporter = Reporter(json=json)

    def ready(address: Address) -> None:
        if json:
            say(json_text.dumps({"stack": stack, **asdict(address)}))
            return
        reporter.line(f"service  {address.service_url}")
        reporter.line(f"sink     {address.sink_url}")
        reporter.line(f"key      {address.api_secret_key} (made up for this run)")
        reporter.line("Watching worker/src; Ctrl-C ends it.")

    def show(line: LogLine) -> None:
        if debug or LEVELS[line.level] >= LEVELS["warn"]:
            style = {"error": "red", "warn": "yellow", "debug": "dim"}.get(line.level)
            reporter.line(line.shown(), style=style)

    invocation: Invocation = run.obj
    try:
        DevelopmentRun(
            open_stack(run, stack, reporter), port, debug, ready, show, invocation.interruption
        ).run()
    except KeyboardInterrupt:
        reporter.line("ended; nothing is left of it")
