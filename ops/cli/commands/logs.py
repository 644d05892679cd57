"""``notifyctl logs``: the notifications that the service has accepted."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.stacks.console import Reporter
from ops.stacks.endpoint import connected
from ops.stacks.moment import shown_time
from ops.stacks.table import number, whole


def logs(
    run: typer.Context,
    stack: StackOption = "local",
    user: Annotated[str | None, typer.Option("--user", "-u", help="Only this user_id.")] = None,
    channel: Annotated[
        str | None, typer.Option("--channel", "-c", help="Only this channel.")
    ] = None,
    status: Annotated[
        str | None,
        typer.Option("--status", help="Only pending, sent, failed, retry or cancelled ones."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")
    ] = 20,
    json: JsonOption = False,
) -> None:
    """List notifications and what became of them, newest first."""
    with connected(open_stack(run, stack)) as client:
        found = client.logs.query(user_id=user, channel=channel, status=status, limit=limit).logs
    rows = [entry.document for entry in found]
    if json:
        typer.echo(json_text.dumps(rows, indent=2))
        return
    Reporter().table(
        whole("time"),
        "user",
        "channel",
        "status",
        number("retries"),
        whole("message id"),
        "error",
        rows=[
            (
                shown_time(row["created_at"]),
                row["user_id"],
                row["channel_type"],
                row["status"],
                str(row["retry_count"]),
                row["message_id"],
                row.get("error") or "",
            )
            for row in rows
        ],
    )
