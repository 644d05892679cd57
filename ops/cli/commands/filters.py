"""The options that choose notifications, the same for every command that has them."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.commands.options import filled
from ops.observe.notifications import Selection
from ops.stacks.errors import UsageError
from ops.stacks.moment import read_time

UserOption = Annotated[str | None, typer.Option("--user", "-u", help="Only this user_id.")]
ChannelOption = Annotated[str | None, typer.Option("--channel", "-c", help="Only this channel.")]
StatusOption = Annotated[
    str | None,
    typer.Option("--status", help="Only pending, sent, failed, retry or cancelled ones."),
]
TemplateOption = Annotated[
    str | None, typer.Option("--template", "-t", help="Only those of this template_key.")
]
CodeOption = Annotated[
    str | None, typer.Option("--code", help="Only those whose last failure has this code.")
]
RequestOption = Annotated[
    str | None, typer.Option("--request-id", help="Only those of this request.")
]
IdOption = Annotated[
    str | None, typer.Option("--id", help=("Only the notification with this message id."))
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help=("Oldest to include: a time, or how long ago, such as 30m, 2h or 7d."),
    ),
]
UntilOption = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help=("Newest to include: a time, or how long ago.")),
]


def selection(
    *,
    user: str | None = None,
    channel: str | None = None,
    status: str | None = None,
    template: str | None = None,
    code: str | None = None,
    request_id: str | None = None,
    message_id: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Selection:
    """Return the conditions of a command line.

    Raises:
        UsageError: an option is empty, a time is none, or --until lies before --since.
    """
    given = {"--user": user, "--channel": channel, "--status": status, "--template": template}
    given |= {"--code": code, "--request-id": request_id, "--id": message_id}
    for option, text in (given | {"--since": since, "--until": until}).items():
        if text is not None:
            filled(option, text)
    start = read_time(since, "--since") if since else None
    end = read_time(until, "--until") if until else None
    if start is not None and end is not None and end < start:
        raise UsageError("--until lies before --since: nothing can be between them.")
    return Selection(
        user=user,
        channel=channel,
        # The log shows 'retry_scheduled' for what the service calls 'retry': both are understood.
        status="retry" if status == "retry_scheduled" else status,
        template=template,
        code=code,
        request_id=request_id,
        message_id=message_id,
        since=start,
        until=end,
    )
