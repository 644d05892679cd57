"""``notifyctl local``: the local cloud's own process."""

from __future__ import annotations

import json as json_text

import typer

from ops.cli.commands.options import JsonOption

app = typer.Typer(
    no_args_is_help=True, help="Start, stop and look at the local cloud that stack 'local' uses."
)


@app.command()
def start() -> None:
    """Start the local cloud; nothing happens where it runs already."""
    from ops.stacks.console import Reporter
    from ops.stacks.local_cloud import start_local_cloud
    from ops.stacks.project import Project

    reporter = Reporter()
    endpoints = start_local_cloud(Project.find(), reporter)
    reporter.line(f"control plane  {endpoints.control_url}")
    reporter.line(f"service        {endpoints.service_url}")
    reporter.line(f"sink           {endpoints.sink_url}")


@app.command()
def stop() -> None:
    """Stop the local cloud. Its data stays: the next start goes on with it."""
    from ops.stacks.console import Reporter
    from ops.stacks.local_cloud import stop_local_cloud
    from ops.stacks.project import Project

    stop_local_cloud(Project.find(), Reporter())


@app.command()
def status(json: JsonOption = False) -> None:
    """Say whether the local cloud runs, where, and what it holds."""
    from ops.stacks.local_cloud import local_cloud_status
    from ops.stacks.project import Project

    document = local_cloud_status(Project.find())
    if json:
        typer.echo(json_text.dumps(document, indent=2))
        return
    for name, value in document.items():
        typer.echo(f"{name:<12} {value}")
