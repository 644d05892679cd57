"""``notifyctl send``: send one notification through the deployed service."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, filled, open_stack
from ops.cli.sending import tell
from ops.stacks.endpoint import connected
from ops.stacks.errors import UsageError


def send(
    run: typer.Context,
    user: Annotated[str, typer.Option("--user", "-u", help="Recipient: the service's user_id.")],
    message: Annotated[str, typer.Option("--message", "-m", help="Text of the notification.")],
    stack: StackOption = "local",
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", "-c", help="Channel; give it again for several.  [webhook]"),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", help="Endpoint: saved as the user's configuration of the channel."),
    ] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="Subject line.")] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option("--idempotency-key", help="The same key sends only once."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Send one notification. With --url, the user's channel is configured first.

    Example: notifyctl send --user ada --channel webhook
    --url http://127.0.0.1:8789/hook/ada --message 'It works'
    """
    channels = list(dict.fromkeys(channel or ["webhook"]))
    filled("--user", user)
    filled("--message", message)
    filled("--channel", *channels)
    if url is not None and len(channels) != 1:
        raise UsageError("--url configures one channel: give exactly one --channel.")
    with connected(open_stack(run, stack)) as client:
        if url is not None:
            client.configs.set(user, channels[0], {"webhook_url": url})
        builder = client.notify().to(user).via(*channels).content(message, subject)
        if idempotency_key is not None:
            builder.idempotent(idempotency_key)
        response = builder.send()
    tell(response, json=json)
