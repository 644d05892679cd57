"""``notifyctl local``: the local cloud's own process."""

from __future__ import annotations

import json as json_text

import typer

from ops.cli.commands.options import JsonOption, open_project
from ops.stacks.console import Reporter
from ops.stacks.local_cloud import local_cloud_status, start_local_cloud, stop_local_cloud

app = typer.Typer(
    no_args_is_help=True, help="Start, stop and look at the local cloud that stack 'local' uses."
)


@app.command()
def start(
    run: typer.Context,
) -> None:
    """Start the local cloud; nothing happens where it runs already."""
    reporter = Reporter()
    endpoints = start_local_cloud(open_project(run), reporter)
    reporter.line(f"control plane  {endpoints.control_url}")
    reporter.line(f"service        {endpoints.service_url}")
    reporter.line(f"sink           {endpoints.sink_url}")


@app.command()
def stop(
    run: typer.Context,
) -> None:
    """Stop the local cloud. Its data stays: the next start goes on with it."""
    stop_local_cloud(open_project(run), Reporter())


@app.command()
def status(run: typer.Context, json: JsonOption = False) -> None:
    """Say whether the local cloud runs, where, and what it holds."""
    document = local_cloud_status(open_project(run))
    if json:
        typer.echo(json_text.dumps(document, indent=2))
        return
    for name, value in document.items():
        typer.echo(f"{name:<12} {value}")
