"""``notifyctl channels``: hold a channel while its provider is down, and let it go on."""

from __future__ import annotations

from datetime import UTC, datetime
from shlex import quote
from typing import Annotated
from urllib.parse import quote as quoted

import typer

from ops.cli.commands.filters import UserOption
from ops.cli.commands.options import JsonOption, StackOption, filled, open_stack
from ops.cli.printing import say_json
from ops.stacks.console import Reporter
from ops.stacks.endpoint import connect
from ops.stacks.moment import counted, lasted, read_span, shown_time
from ops.stacks.table import number, whole

app = typer.Typer(
    no_args_is_help=True, help="Hold a channel back while its provider is down, and let it go on."
)

ChannelArgument = Annotated[str, typer.Argument(help="The channel, such as slack.")]


@app.command()
def hold(
    run: typer.Context,
    channel: ChannelArgument,
    duration: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long: 30m, 2h or 7d; at most 30 days.")
    ],
    stack: StackOption = "local",
    user: UserOption = None,
    reason: Annotated[
        str, typer.Option("--reason", "-m", help=("Reason, for people who look later."))
    ] = "",
    json: JsonOption = False,
) -> None:
    """Hold a channel, for everybody or for --user: new notifications are accepted and wait.

    No endpoint is called meanwhile. Held time doesn't use up retries, and doesn't count towards a
    notification's 24 hours. The hold ends by itself; a second call changes when.

    Example: notifyctl channels hold slack --for 2h --reason 'Slack is down'
    """
    end = datetime.now(UTC) + read_span(duration, "--for")
    body = {"until": end.isoformat().replace("+00:00", "Z"), "reason": reason}
    with connect(open_stack(run, stack)) as service, service.understood("PUT /api/holds"):
        found = service.result("PUT", _place(channel), query=_of(user), body=body)["data"]
        until = shown_time(datetime.fromisoformat(found["until"]))
    if json:
        say_json(found)
        return
    whom, option = (f" for {user}", f" --user {quote(user)}") if user else ("", "")
    Reporter().line(
        f"{channel} is held{whom} until {until}. To end it earlier: notifyctl "
        f"channels release {quote(channel)}{option} --stack {stack}"
    )


@app.command()
def release(
    run: typer.Context,
    channel: ChannelArgument,
    stack: StackOption = "local",
    user: UserOption = None,
    json: JsonOption = False,
) -> None:
    """End a hold: waiting notifications are sent, oldest first, at each endpoint's rate."""
    with connect(open_stack(run, stack)) as service, service.understood("DELETE /api/holds"):
        found = service.result("DELETE", _place(channel), query=_of(user))["data"]
        released = counted(int(found["released"]), "notification")
    if json:
        say_json(found)
        return
    Reporter().line(f"{channel} goes on: {released} at once.")


@app.command("list")
def list_(run: typer.Context, stack: StackOption = "local", json: JsonOption = False) -> None:
    """List the held channels, when each hold ends, and how many notifications wait."""
    now = datetime.now(UTC)
    with connect(open_stack(run, stack)) as service, service.understood("GET /api/holds"):
        found = service.result("GET", "/api/holds")["data"]
        rows = [
            (
                one["channel"],
                one["user_id"] or "everybody",
                shown_time(one["until"]),
                lasted((datetime.fromisoformat(one["until"]) - now).total_seconds()),
                one["reason"],
            )
            for one in found["holds"]
        ]
        waiting = sorted(found["waiting"].items())
    if json:
        say_json(found)
        return
    reporter = Reporter()
    reporter.table(
        "channel",
        "user",
        whole("until"),
        number("left"),
        "reason",
        rows=rows,
        none="No channel is held.",
    )
    for channel, count in waiting:
        reporter.line(f"{channel}: {counted(count, 'notification')} waiting")


def _place(channel: str) -> str:
    return f"/api/holds/{quoted(channel, safe='')}"


def _of(user: str | None) -> dict[str, str] | None:
    if user is None:
        return None
    filled("--user", user)
    return {"user_id": user}
