"""``notifyctl logs``: the notifications that the service has accepted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Annotated

import typer

from notification_sdk import LogEntry
from ops.cli.commands.filters import (
    ChannelOption,
    CodeOption,
    IdOption,
    RequestOption,
    SinceOption,
    StatusOption,
    TemplateOption,
    UntilOption,
    UserOption,
    selection,
)
from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.observe.notifications import code_of
from ops.stacks.console import Reporter
from ops.stacks.endpoint import connected
from ops.stacks.moment import shown_time
from ops.stacks.table import number, whole


def logs(
    run: typer.Context,
    stack: StackOption = "local",
    user: UserOption = None,
    channel: ChannelOption = None,
    status: StatusOption = None,
    template: TemplateOption = None,
    code: CodeOption = None,
    request_id: RequestOption = None,
    message_id: IdOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=100_000, help="At most this many.")
    ] = 20,
    json: JsonOption = False,
) -> None:
    """List notifications and their status, newest first.

    A notification has to meet every condition. The search covers all stored notifications, however
    many there are.

    Example: notifyctl logs --channel slack --status failed --since 2h
    """
    chosen = selection(
        user=user,
        channel=channel,
        status=status,
        template=template,
        code=code,
        request_id=request_id,
        message_id=message_id,
        since=since,
        until=until,
    )
    with connected(open_stack(run, stack)) as client:
        found = list(islice(chosen.find(client), limit))
    if json:
        say_json([entry.document for entry in found])
        return
    show_list(found, Reporter())


def show_list(found: Sequence[LogEntry], reporter: Reporter) -> None:
    """Print notifications as a table."""
    reporter.table(
        whole("time"),
        "user",
        "channel",
        "status",
        number("retries"),
        whole("message id"),
        "error",
        rows=[
            (
                shown_time(entry.created_at),
                entry.user_id,
                entry.channel,
                entry.status,
                str(entry.retry_count),
                entry.message_id,
                " ".join(filter(None, (code_of(entry), entry.error))),
            )
            for entry in found
        ],
        none="No notification matches.",
    )
