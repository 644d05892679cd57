"""``notifyctl db seed``: data to try a service with."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.database.test_data import TestData
from ops.stacks.console import Reporter
from ops.stacks.endpoint import connect
from ops.stacks.errors import GateClosed, UsageError
from ops.stacks.moment import counted


def seed(
    run: typer.Context,
    stack: StackOption = "local",
    users: Annotated[int, typer.Option(min=1, max=1000, help="Users with a webhook.")] = 5,
    sends: Annotated[int, typer.Option(min=0, max=100, help="Sends to each user.")] = 2,
    endpoint: Annotated[
        str | None,
        typer.Option(help="URL that the users' webhooks begin with; the local sink if left out."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write test data through the service's API; only for a development stack. Safe to repeat."""
    context = open_stack(run, stack, Reporter(json=json))
    if not context.is_development:
        raise GateClosed(f"'{stack}' isn't a development stack: test data has no place in it.")
    if endpoint is None and not context.is_local:
        raise UsageError("Give --endpoint: a webhook URL that may receive the test data.")
    target = endpoint or f"http://127.0.0.1:{context.project.ports.sink}/hook"
    with connect(context) as service, context.reporter.step(f"Test data in '{stack}'") as step:
        written = TestData(service, target.rstrip("/")).write(users=users, sends=sends)
        all_sends = counted(written["sends"], "send")
        step.detail = f"{counted(users, 'user')}, {written['delivered']} of {all_sends} delivered"
    if json:
        say_json(written)
