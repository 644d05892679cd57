"""``notifyctl local``: the local cloud's own process."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from ops.cli.commands.options import (
    ControlPortOption,
    EdgePortOption,
    JsonOption,
    SinkPortOption,
    choose_ports,
    open_project,
)
from ops.cli.printing import say, say_json
from ops.stacks.console import Reporter
from ops.stacks.errors import UsageError
from ops.stacks.local_cloud import local_cloud_status, start_local_cloud, stop_local_cloud
from ops.stacks.local_faults import add_fault, clear_faults, list_faults

app = typer.Typer(
    no_args_is_help=True, help="Start, stop and look at the local cloud that stack 'local' uses."
)


@app.command()
def start(
    run: typer.Context,
    control_port: ControlPortOption = None,
    edge_port: EdgePortOption = None,
    sink_port: SinkPortOption = None,
) -> None:
    """Start the local cloud, if it isn't running.

    The ports chosen here, or by NOTIFICATION_LOCAL_CONTROL_PORT, _EDGE_PORT and _SINK_PORT, apply
    to every later command until the data is erased.
    """
    choose_ports(run, control_port, edge_port, sink_port)
    reporter = Reporter()
    endpoints = start_local_cloud(open_project(run), reporter)
    reporter.line(f"control plane  {endpoints.control_url}")
    reporter.line(f"service        {endpoints.service_url}")
    reporter.line(f"sink           {endpoints.sink_url}")


@app.command()
def stop(
    run: typer.Context,
) -> None:
    """Stop the local cloud. It keeps its data for the next start."""
    stop_local_cloud(open_project(run), Reporter())


@app.command()
def status(
    run: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="Print only this value, unquoted, for scripts.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show whether and where the local cloud runs, and what it contains.

    Example: notifyctl send --user ada --url "$(notifyctl local status sink_url)/hook/ada" …
    """
    document = local_cloud_status(open_project(run))
    if name is not None:
        if name not in document:
            raise UsageError(
                f"There is no '{name}' while the local cloud is {document['state']}: "
                f"{', '.join(document)}."
            )
        say(json_text.dumps(document[name]) if json else str(document[name]))
        return
    if json:
        say_json(document)
        return
    for name, value in document.items():
        say(f"{name:<12} {value}")


fault = typer.Typer(
    no_args_is_help=True, help="Make the local cloud's API fail for a while, to rehearse incidents."
)
app.add_typer(fault, name="fault")

FaultArgument = Annotated[
    str,
    typer.Argument(
        metavar="FAULT",
        help="Where, what, and how long, such as 'd1 query 500/7500 for 5m', 'workers html', "
        "'any slow 2s times 10' or 'kv 429/30 for 1m'.",
    ),
]
IdArgument = Annotated[
    int | None, typer.Argument(metavar="ID", help="Id from the list.  [all faults]")
]


@fault.command("add")
def add(run: typer.Context, text: FaultArgument) -> None:
    """Add a fault."""
    found = add_fault(open_project(run), text)
    say(f"fault {found['id']}: {found['fault']}")


@fault.command("list")
def listing(run: typer.Context, json: JsonOption = False) -> None:
    """List the active faults, with the number of requests that they affected."""
    found = list_faults(open_project(run))
    if json:
        say_json(found)
        return
    if not found:
        say("no faults")
    for one in found:
        say(f"{one['id']:>3}  {one['fault']}  ({one['met']} met it)")


@fault.command("clear")
def clear(run: typer.Context, identifier: IdArgument = None) -> None:
    """Clear one fault, or all."""
    say(f"{clear_faults(open_project(run), identifier)} lifted")
