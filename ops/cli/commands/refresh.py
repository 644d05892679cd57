"""``notifyctl refresh``: bring the state to what is really there."""

from __future__ import annotations

import json as json_text

import typer

from ops.cli.commands.options import JsonOption, StackOption


def refresh(stack: StackOption, json: JsonOption = False) -> None:
    """Read every resource of the stack and correct the state. Nothing of the stack is changed."""
    from ops.deploy.deployment import Deployment
    from ops.stacks.console import Reporter
    from ops.stacks.project import Project

    result = Deployment(Project.find(), stack, Reporter(json=json)).refresh()
    if json:
        document = {"changes": dict(result.changes), "changed": result.changed}
        typer.echo(json_text.dumps(document, indent=2))
