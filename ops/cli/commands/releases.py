"""``notifyctl releases``: what was deployed, what came of it, and what serves."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.deploy.release.listing import ReleaseListing
from ops.stacks.console import Reporter
from ops.stacks.moment import shown_time
from ops.stacks.origin import short_hash
from ops.stacks.table import number, whole


def releases(
    run: typer.Context,
    stack: StackOption = "local",
    json: JsonOption = False,
    show: Annotated[
        str | None,
        typer.Option(
            "--show",
            metavar="RELEASE",
            help="Print one release whole, with its settings: version id or its beginning, commit, "
            "or number of the update.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")] = 10,
) -> None:
    """List the stack's releases, newest first: the versions that a rollback can go back to.

    The result is 'verified', 'failed' (a check after the deployment), 'rolled back', or 'deployed'
    if nobody verified it. Cloudflare, not the state, says which version serves.
    """
    reporter = Reporter(json=json)
    listing = ReleaseListing.of_stack(open_stack(run, stack, reporter))
    if show is not None:
        _show(listing, show, reporter, json=json)
        return
    rows = listing.rows(limit)
    if json:
        say_json(rows)
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
                short_hash(str(row["commit"])) or "-",
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


def _show(listing: ReleaseListing, name: str, reporter: Reporter, *, json: bool) -> None:
    document = listing.one(name)
    if json:
        say_json(document)
        return
    settings = document.pop("settings")
    for key, value in document.items():
        reporter.line(f"{key:<16}{value}")
    if settings is None:
        reporter.line("settings        not kept: it was deployed before releases kept them")
        return
    reporter.line("settings        those that aren't the defaults:")
    for key, value in sorted(settings.items()):
        reporter.line(f"  {key}: {json_text.dumps(value)}")
