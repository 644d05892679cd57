"""``notifyctl preview``: what an update would change."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from ops.commands.options import JsonOption, StackOption


def preview(
    stack: StackOption,
    json: JsonOption = False,
    expect_no_changes: Annotated[
        bool,
        typer.Option("--expect-no-changes", help="Exit with 4 where anything would change."),
    ] = False,
) -> None:
    """Say what 'up' would change. Nothing of the stack is changed."""
    from ops.console import Reporter
    from ops.deployment import Deployment
    from ops.errors import StackFailed
    from ops.project import Project

    reporter = Reporter(json=json)
    result = Deployment(Project.find(), stack, reporter).preview()
    if json:
        document = {"changes": dict(result.changes), "changed": result.changed}
        typer.echo(json_text.dumps(document, indent=2))
    if expect_no_changes and result.changed:
        raise StackFailed(
            f"{result.changed} changes were planned and none was expected. "
            "The lines above name them."
        )
