"""``notifyctl cleanup``: remove old notifications from the log."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.confirmation import ConfirmOption, require_confirmation
from ops.cli.printing import say_json
from ops.database.log_removal import remove_old_logs
from ops.stacks.console import Reporter
from ops.stacks.endpoint import connect
from ops.stacks.moment import counted


def cleanup(
    run: typer.Context,
    stack: StackOption = "local",
    days: Annotated[
        int, typer.Option("--days", min=1, max=365, help="Remove what is older than so many days.")
    ] = 30,
    confirm: ConfirmOption = None,
    json: JsonOption = False,
) -> None:
    """Remove settled notifications that are older than 30 days, or --days.

    Notifications that wait for delivery stay. For a stack of an account, type its name first.

    Example: notifyctl cleanup --stack production --days 90
    """
    reporter = Reporter(json=json)
    context = open_stack(run, stack, reporter)
    if not context.is_local:
        what = f"Remove the notifications of '{stack}' that are older than {counted(days, 'day')}"
        require_confirmation(stack, what, confirm)
    with connect(context) as service, reporter.step("Old notifications") as step:
        removed = remove_old_logs(service, days=days, told=step.show)
        step.detail = f"{removed} removed"
    if json:
        say_json({"stack": stack, "days": days, "removed": removed})
