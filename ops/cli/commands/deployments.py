"""``notifyctl deployments``: what Cloudflare says was deployed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say, say_json
from ops.deploy.release.deployment_list import DeploymentList, WorkerDeployment
from ops.stacks.console import Reporter
from ops.stacks.moment import shown_time
from ops.stacks.table import whole

app = typer.Typer(
    no_args_is_help=True,
    help="List the Worker's deployments, show the one in force, or the details of one.",
)


@app.command("list")
def list_deployments(
    run: typer.Context,
    stack: StackOption = "local",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")] = 10,
    json: JsonOption = False,
) -> None:
    """List the deployments that Cloudflare still knows, newest first."""
    found = DeploymentList.of_stack(open_stack(run, stack)).deployments[:limit]
    if json:
        say_json([one.document() for one in found])
        return
    Reporter().table(
        whole("deployment"),
        whole("created"),
        whole("versions"),
        "active",
        "by",
        "message",
        rows=[
            (
                one.id,
                shown_time(one.created),
                _shares(one),
                "yes" if one.is_active else "",
                one.author or one.source,
                one.message,
            )
            for one in found
        ],
    )


@app.command()
def active(run: typer.Context, stack: StackOption = "local", json: JsonOption = False) -> None:
    """Show the active deployment, with its versions."""
    known = DeploymentList.of_stack(open_stack(run, stack))
    _show(known, known.deployments[0], json=json)


@app.command()
def show(
    run: typer.Context,
    deployment: Annotated[
        str, typer.Argument(help="The deployment's id, or at least four of its first characters.")
    ],
    stack: StackOption = "local",
    json: JsonOption = False,
) -> None:
    """Show one deployment, with its versions and the names of their bindings."""
    known = DeploymentList.of_stack(open_stack(run, stack))
    _show(known, known.find(deployment), json=json)


def _shares(one: WorkerDeployment) -> str:
    return ", ".join(f"{version} {share:g} %" for version, share in one.shares.items())


def _show(known: DeploymentList, one: WorkerDeployment, *, json: bool) -> None:
    versions: list[dict[str, Any]] = [
        {**known.version(version), "percentage": share} for version, share in one.shares.items()
    ]
    document = {**one.document(), "worker": known.worker, "versions": versions}
    if json:
        say_json(document)
        return
    for name in ("id", "worker", "created", "author", "source", "message", "active"):
        say(f"{name:<11} {document[name]}")
    for version in versions:
        say(f"version     {version['version_id']} {version['percentage']:g} %")
        say(f"  created   {version['created']}")
        for name, kind in version["bindings"].items():
            say(f"  binding   {name} ({kind})")
