"""``notifyctl db seed``: data to try a service with."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption


def seed(
    stack: StackOption = "local",
    users: Annotated[int, typer.Option(min=1, max=1000, help="Users with a webhook.")] = 5,
    sends: Annotated[int, typer.Option(min=0, max=100, help="Sends to each user.")] = 2,
    endpoint: Annotated[
        str | None,
        typer.Option(help="URL that the users' webhooks begin with; the local sink if left out."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write test data through the service's API; of a development stack only. Safe to repeat."""
    from ops.database.test_data import TestData
    from ops.stacks.console import Reporter
    from ops.stacks.endpoint import connect
    from ops.stacks.errors import GateClosed, UsageError
    from ops.stacks.local_stack import ports_in_use
    from ops.stacks.project import Project
    from ops.stacks.settings_file import StackFile

    file = StackFile.read(Project.find().stack_file(stack))
    if not file.is_development:
        raise GateClosed(f"'{stack}' isn't a development stack: test data has no place in it.")
    if endpoint is None and not file.is_loopback:
        raise UsageError("Give --endpoint: a webhook URL that may receive the test data.")
    target = endpoint or f"http://127.0.0.1:{ports_in_use().sink}/hook"
    with connect(stack) as service, Reporter(json=json).step(f"Test data in '{stack}'") as step:
        written = TestData(service, target.rstrip("/")).write(users=users, sends=sends)
        step.detail = f"{users} users, {written['delivered']} of {written['sends']} sends delivered"
    if json:
        typer.echo(json_text.dumps(written, indent=2))
