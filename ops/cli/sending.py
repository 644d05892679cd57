"""What commands that send a notification share: its results as lines, and the exit code."""

from __future__ import annotations

import typer

from notification_sdk import SendResponse
from ops.cli.printing import say, say_json


def tell(response: SendResponse, *, json: bool) -> None:
    """Print a result per channel; exit with 1 where every channel failed."""
    if json:
        say_json(dict(response.document))
    else:
        for result in response.results:
            error = f"  {result.error}" if result.error else ""
            say(f"{result.channel:<9} {result.status:<15} {result.message_id}{error}")
        for warning in response.warnings:
            channel, text = warning.get("channelType", ""), warning.get("message", "")
            say(f"{channel:<9} {'warning':<15} {text}")
    if not response.accepted:
        raise typer.Exit(code=1)
