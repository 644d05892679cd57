"""``notifyctl refresh``: bring the state to what is really there."""

from __future__ import annotations

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.deploy.deployment import Deployment
from ops.stacks.console import Reporter


def refresh(run: typer.Context, stack: StackOption, json: JsonOption = False) -> None:
    """Read every resource of the stack and correct the state. The resources don't change."""
    result = Deployment(open_stack(run, stack, Reporter(json=json))).refresh()
    if json:
        document = {"changes": dict(result.changes), "changed": result.changed}
        say_json(document)
