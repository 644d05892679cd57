"""``notifyctl cleanup``: remove old notifications from the log."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption
from ops.cli.confirmation import ConfirmOption, require_confirmation


def cleanup(
    stack: StackOption = "local",
    days: Annotated[
        int, typer.Option("--days", min=1, max=365, help="Remove what is older than so many days.")
    ] = 30,
    confirm: ConfirmOption = None,
    json: JsonOption = False,
) -> None:
    """Remove settled notifications that are older than 30 days, or --days.

    What still waits for a delivery stays. Stacks off this machine ask for the stack's name first.

    Example: notifyctl cleanup --stack production --days 90
    """
    from ops.database.log_removal import remove_old_logs
    from ops.stacks.console import Reporter
    from ops.stacks.endpoint import connect
    from ops.stacks.project import Project
    from ops.stacks.settings_file import StackFile

    if not StackFile.read(Project.find().stack_file(stack)).is_loopback:
        what = f"Remove the notifications of '{stack}' that are older than {days} days"
        require_confirmation(stack, what, confirm)
    reporter = Reporter(json=json)
    with connect(stack) as service, reporter.step("Old notifications") as step:
        removed = remove_old_logs(service, days=days)
        step.detail = f"{removed} removed"
    if json:
        typer.echo(json_text.dumps({"stack": stack, "days": days, "removed": removed}, indent=2))
