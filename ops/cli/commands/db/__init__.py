"""``notifyctl db``: everything about a stack's database."""

from __future__ import annotations

import typer

from ops.cli.commands.db.backups import backup, bookmark, restore, travel, verify
from ops.cli.commands.db.inspection import check, status, studio
from ops.cli.commands.db.schema import down, generate, lint, migrate, push, reset
from ops.cli.commands.db.test_data import seed

app = typer.Typer(
    name="db",
    no_args_is_help=True,
    help="Look at a stack's database, migrate it, back it up and bring it back.",
)

app.command("status")(status)
app.command("check")(check)
app.command("studio")(studio)
app.command("lint")(lint)
app.command("migrate")(migrate)
app.command("down")(down)
app.command("generate")(generate)
app.command("push")(push)
app.command("reset")(reset)
app.command("seed")(seed)
app.command("backup")(backup)
app.command("verify")(verify)
app.command("restore")(restore)
app.command("bookmark")(bookmark)
app.command("travel")(travel)
