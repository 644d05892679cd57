"""``notifyctl users``: where users are reached."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, filled, open_stack
from ops.cli.printing import json_text as printed
from ops.cli.printing import say
from ops.cli.sending import tell
from ops.stacks.console import Reporter
from ops.stacks.endpoint import connected
from ops.stacks.errors import UsageError
from ops.stacks.json_file import read_json_object
from ops.stacks.moment import shown_time
from ops.stacks.table import whole

app = typer.Typer(no_args_is_help=True, help="Show, save and try out where a user is reached.")

UserArgument = Annotated[str, typer.Argument(help="The service's user_id.")]


@app.command()
def show(
    run: typer.Context, user: UserArgument, stack: StackOption = "local", json: JsonOption = False
) -> None:
    """Show a user's configurations, secrets masked, and the last notifications."""
    filled("USER", user)
    with connected(open_stack(run, stack)) as client:
        configs = list(client.configs.iterate(user))
        last = client.logs.query(user_id=user, limit=5).logs
    if json:
        document = {
            "user_id": user,
            "configs": [
                {"channel": each.channel, "is_active": each.is_active, "config": each.config}
                for each in configs
            ],
            "last": [entry.document for entry in last],
        }
        say(printed(document))
        return
    reporter = Reporter()
    if not (configs or last):
        reporter.line(f"Nothing is known about {user}: no configuration, no notification.")
        return
    reporter.table(
        "channel",
        "active",
        "configuration",
        rows=[
            (
                each.channel,
                "yes" if each.is_active else "no",
                each.error or printed(each.config, indent=None),
            )
            for each in configs
        ],
        none="No configuration.",
    )
    reporter.table(
        whole("time"),
        "channel",
        "status",
        "error",
        rows=[
            (
                shown_time(entry.created_at),
                entry.channel,
                entry.status,
                entry.error or "",
            )
            for entry in last
        ],
        none="No notification.",
    )


@app.command("set")
def set_(
    run: typer.Context,
    user: UserArgument,
    channel: Annotated[str, typer.Option("--channel", "-c", help="The channel.")],
    stack: StackOption = "local",
    url: Annotated[str | None, typer.Option("--url", help="The endpoint's webhook_url.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="The configuration as JSON; - reads standard input."),
    ] = None,
    active: Annotated[
        bool, typer.Option("--active/--inactive", help="Whether sends use the configuration.")
    ] = True,
) -> None:
    """Save where a user is reached on a channel.

    Put secrets into --file, not on the command line. With neither --url nor --file, it only
    switches the stored configuration on or off.
    """
    filled("USER", user)
    filled("--channel", channel)
    if url is not None and file is not None:
        raise UsageError("--url and --file both name the configuration: give one of them.")
    config = {"webhook_url": url} if url is not None else None
    if file is not None:
        config = read_json_object(file)
    with connected(open_stack(run, stack)) as client:
        if config is not None:
            client.configs.set(user, channel, config, is_active=active)
        elif client.configs.get(user, channel) is None:
            raise UsageError(
                f"{user} has no configuration of {channel} to switch: give --url or --file."
            )
        elif active:
            client.configs.activate(user, channel)
        else:
            client.configs.deactivate(user, channel)
    say(f"{user} is {'reached' if active else 'no longer reached'} over {channel}.")


@app.command("test")
def send_test(
    run: typer.Context,
    user: UserArgument,
    stack: StackOption = "local",
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", "-c", help="Channel; again for several.  [every active one]"),
    ] = None,
    message: Annotated[
        str, typer.Option("--message", "-m", help="Text of the notification.")
    ] = "This is a test notification.",
    json: JsonOption = False,
) -> None:
    """Send a test notification to a user. Exit with 1 if every channel failed."""
    filled("USER", user)
    filled("--message", message)
    filled("--channel", *(channel or ()))
    with connected(open_stack(run, stack)) as client:
        response = client.smart_send(user, message, subject="Test", channels=channel)
    tell(response, json=json)
