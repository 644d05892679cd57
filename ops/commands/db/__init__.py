"""``notifyctl db``: everything about a stack's database."""

from __future__ import annotations

import typer

from ops.commands.db import backups, inspection, schema, test_data

app = typer.Typer(
    name="db",
    no_args_is_help=True,
    help="Look at a stack's database, migrate it, back it up and bring it back.",
)

app.command("status")(inspection.status)
app.command("check")(inspection.check)
app.command("studio")(inspection.studio)
app.command("migrate")(schema.migrate)
app.command("down")(schema.down)
app.command("generate")(schema.generate)
app.command("push")(schema.push)
app.command("reset")(schema.reset)
app.command("seed")(test_data.seed)
app.command("backup")(backups.backup)
app.command("verify")(backups.verify)
app.command("restore")(backups.restore)
app.command("bookmark")(backups.bookmark)
app.command("travel")(backups.travel)
