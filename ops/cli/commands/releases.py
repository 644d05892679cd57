"""``notifyctl releases``: what was deployed, what came of it, and what serves."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.deploy.release.listing import ReleaseListing
from ops.stacks.console import Reporter
from ops.stacks.moment import shown_time
from ops.stacks.table import number, whole


def releases(
    run: typer.Context,
    stack: StackOption = "local",
    json: JsonOption = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")] = 10,
) -> None:
    """List the stack's releases, newest first: the versions that a rollback can go back to.

    The result is 'verified', 'failed' (a check after the deployment), 'rolled back', or
    'deployed' where nobody verified it. What serves is asked from Cloudflare, not from the state.
    """
    reporter = Reporter(json=json)
    listing = ReleaseListing.of_stack(open_stack(run, stack, reporter))
    rows = listing.rows(limit)
    if json:
        typer.echo(json_text.dumps(rows, indent=2))
        return
    reporter.table(
        number("update"),
        whole("deployed"),
        whole("version"),
        whole("commit"),
        number("schema"),
        "result",
        number("serves"),
        "by",
        rows=[
            (
                str(row["update"] or "-"),
                shown_time(str(row["at"])),
                str(row["version_id"]),
                str(row["commit"])[:12] or "-",
                str(row["schema_level"]),
                str(row["result"]),
                f"{row['percentage']:g} %" if row["percentage"] else "",
                str(row["actor"]),
            )
            for row in rows
        ],
    )
    for line in listing.notes():
        reporter.line(line)
