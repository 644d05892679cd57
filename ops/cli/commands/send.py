"""``notifyctl send``: send one notification through the deployed service."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.stacks.endpoint import connect
from ops.stacks.notification import Notification


def send(
    run: typer.Context,
    user: Annotated[str, typer.Option("--user", "-u", help="Recipient: the service's user_id.")],
    message: Annotated[str, typer.Option("--message", "-m", help="Text of the notification.")],
    stack: StackOption = "local",
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", "-c", help="Channel; give it again for several."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", help="Endpoint: saved as the user's configuration of the channel."),
    ] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="Subject line.")] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option("--idempotency-key", help="Sending again with the same key sends once."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Send one notification. With --url, the user's channel is configured first.

    Example: notifyctl send --user ada --channel webhook
    --url http://127.0.0.1:8789/hook/ada --message 'It works'
    """
    channels = tuple(channel or ["webhook"])
    notification = Notification(
        user=user,
        channels=channels,
        message=message,
        subject=subject,
        url=url,
        idempotency_key=idempotency_key,
    )
    with connect(open_stack(run, stack)) as service:
        answer = notification.send(service)
    if json:
        typer.echo(json_text.dumps(answer, indent=2))
    else:
        for result in answer["results"]:
            error = f"  {result['error']}" if result.get("error") else ""
            typer.echo(
                f"{result['channelType']:<9} {result['status']:<15} {result['messageId']}{error}"
            )
    if all(result["status"] == "failed" for result in answer["results"]):
        raise typer.Exit(code=1)
