"""``notifyctl history``: the stack's updates."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.stacks.choice import choose_driver
from ops.stacks.console import Reporter
from ops.stacks.driver import HistoryEntry
from ops.stacks.moment import lasted, shown_time
from ops.stacks.table import number, whole


def history(
    run: typer.Context,
    stack: StackOption = "local",
    json: JsonOption = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")] = 20,
) -> None:
    """List the stack's updates, newest first, as 'pulumi stack history' knows them."""
    entries = choose_driver(open_stack(run, stack)).history()[:limit]
    if json:
        say_json([asdict(entry) for entry in entries])
        return
    Reporter().table(
        number("update"),
        "kind",
        "result",
        whole("when"),
        number("took"),
        "changes",
        "message",
        rows=[_row(entry) for entry in entries],
        none=f"The stack '{stack}' has no updates: it was never deployed, or was removed with its "
        "history.",
    )


def _row(entry: HistoryEntry) -> tuple[str, ...]:
    return (
        str(entry.version),
        entry.kind,
        entry.result,
        shown_time(entry.started),
        lasted(entry.ended - entry.started),
        ", ".join(f"{count} {name}" for name, count in sorted(entry.changes.items())),
        entry.message,
    )
