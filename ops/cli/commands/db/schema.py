"""``notifyctl db lint``, ``migrate``, ``down``, ``generate``, ``push`` and ``reset``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_project, open_stack
from ops.cli.confirmation import ConfirmOption, require_confirmation
from ops.cli.printing import say, say_json
from ops.database.backup import Backups
from ops.database.migration_lint import MigrationLint
from ops.database.schema_changes import SchemaChanges, reset_all, write_migration
from ops.database.stack_database import StackDatabase, active_level
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.errors import GateClosed, UsageError
from ops.stacks.moment import counted


def lint(
    run: typer.Context,
    stack: Annotated[
        str | None,
        typer.Option(
            "--stack",
            "-s",
            help=("Check only the migrations that this stack's database doesn't have yet.  [all]"),
        ),
    ] = None,
    copy: Annotated[
        bool,
        typer.Option(
            "--copy",
            help=("Try pending migrations on a copy of the stack's own rows, in a scratch D1."),
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check the migration files: parse them, and try them up and down on a filled scratch database.

    No stack changes. If the local cloud runs, the files are also tried on its D1. Exit codes: 0 all
    files are safe, 8 a file would be refused.
    """
    if copy and stack is None:
        raise UsageError("--copy needs the stack whose rows are copied: --stack STACK.")
    if copy and stack is not None:
        judged = [
            MigrationLint.on_copy(one.database, one.project)
            for one in _all_changes(open_stack(run, stack))
        ]
        found, where = next((one for one in judged if one.problems), judged[0]), "a copy in D1"
    else:
        applied = () if stack is None else _applied_everywhere(open_stack(run, stack))
        found = MigrationLint.of(open_project(run), applied=applied)
        where = "SQLite and the local D1" if found.on_d1 else "SQLite by D1's rules"
    if json:
        say_json(found.document())
    else:
        for problem in found.problems:
            say(str(problem))
        say(f"{counted(found.files, 'migration')} judged, on {where}.", err=True)
    _require_no_problem(found)


def _require_no_problem(found: MigrationLint) -> None:
    if found.problems:
        raise GateClosed(
            f"{counted(len(found.problems), 'problem')} in the migration files. Correct them; "
            "docs/infrastructure.md explains '-- min-code' and '-- loses'."
        )


def migrate(
    run: typer.Context,
    stack: StackOption = "local",
    confirm: ConfirmOption = None,
    json: JsonOption = False,
) -> None:
    """Apply the pending migrations, each completely and once; production asks for confirmation.

    Outside development, they are tried on a copy of the data first. 'notifyctl up' does the same
    between the upload of a version and its promotion.
    """
    context = open_stack(run, stack)
    every = _all_changes(context)
    if stack == "production":
        require_confirmation(stack, f"This changes the schema of '{stack}'", confirm)
    if not context.is_development:
        with Reporter(json=json).step(f"Migrations tried on a copy of '{stack}'") as step:
            found = [MigrationLint.on_copy(one.database, one.project) for one in every]
            step.detail = counted(found[0].files, "file")
        for problem in (problem for one in found for problem in one.problems):
            say(str(problem), err=True)
        for one in found:
            _require_no_problem(one)
    with Reporter(json=json).step(f"Migrations of '{stack}' applied") as step:
        names = _distinct(name for changes in every for name in changes.migrate())
        step.detail = f"{len(names)} applied" if names else "nothing was pending"
    _print_names(names, key="applied", json=json)


def down(
    run: typer.Context,
    to: Annotated[int, typer.Option("--to", metavar="LEVEL", help="The level to go back to.")],
    stack: StackOption = "local",
    confirm: ConfirmOption = None,
    json: JsonOption = False,
) -> None:
    """Undo the migrations above a level with their down files, unless the code needs them."""
    context = open_stack(run, stack)
    level = active_level(context)
    every = [
        replace(one, database=replace(one.database, code_level=level))
        for one in _all_changes(context)
    ]
    for one in every[1:]:
        one.above(to)  # Whichever refuses is asked before the first one is changed.
    require_confirmation(stack, f"This takes the schema of '{stack}' back to level {to}", confirm)
    with Reporter(json=json).step(f"Schema of '{stack}' back at level {to}") as step:
        names = _distinct(name for changes in every for name in changes.down(to))
        step.detail = f"{len(names)} undone"
    _print_names(names, key="undone", json=json)


def generate(
    run: typer.Context,
    name: Annotated[str, typer.Argument(help="What the migration does: add_recipient_index.")],
    json: JsonOption = False,
) -> None:
    """Write the next migration from your changes to sql/schema.sql, for review."""
    up, back, difference = write_migration(open_project(run), name)
    if json:
        document = {
            "up": str(up),
            "down": str(back),
            "statements": list(difference.statements),
            "loses_data": list(difference.loses_data),
        }
        say_json(document)
        return
    say(f"{up}\n{back}")
    for lost in difference.loses_data:
        say(f"warning: the content of {lost} is lost", err=True)
    say("Review both, then try them: notifyctl db migrate --stack local", err=True)


def push(
    run: typer.Context,
    stack: StackOption = "local",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Drop tables and columns too.")] = False,
    json: JsonOption = False,
) -> None:
    """Change a development database to match sql/schema.sql without a migration."""
    context = open_stack(run, stack)
    every = _all_changes(context)
    _require_development(context, "push")
    planned = [changes.difference() for changes in every]
    if (lost := _distinct(name for one in planned for name in one.loses_data)) and not yes:
        raise GateClosed(f"This would lose the content of {', '.join(lost)}. Give --yes.")
    for changes, difference in zip(every, planned, strict=True):
        changes.push(difference)
    statements = _distinct(sql for one in planned for sql in one.statements)
    if json:
        say_json({"statements": list(statements)})
        return
    for statement in statements:
        say(statement)
    say(f"{len(statements)} statements run.", err=True)


def reset(
    run: typer.Context,
    stack: StackOption = "local",
    confirm: ConfirmOption = None,
    folder: Annotated[
        Path, typer.Option("--folder", help="Folder of the backups.", envvar="NOTIFYCTL_BACKUPS")
    ] = Path("backups"),
    json: JsonOption = False,
) -> None:
    """Drop every table and apply all migrations: everything in the database is lost.

    Production needs a verified backup that is less than an hour old.
    """
    context = open_stack(run, stack)
    every = _all_changes(context)
    for changes in every if not context.is_development else ():
        Backups(changes.database, folder).require_fresh(what="A reset")
    require_confirmation(stack, f"This removes everything in the database of '{stack}'", confirm)
    with Reporter(json=json).step(f"Database of '{stack}' reset"):
        names = reset_all(every)
    _print_names(names, key="applied", json=json)


def _all_changes(context: StackContext) -> list[SchemaChanges]:
    return [SchemaChanges(one, context.project) for one in StackDatabase.all_of(context)]


def _applied_everywhere(context: StackContext) -> set[str]:
    """Return the migrations that no database has to get any more."""
    return set.intersection(*(changes.applied() for changes in _all_changes(context)))


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _require_development(context: StackContext, command: str) -> None:
    if not context.is_development:
        raise GateClosed(
            f"'db {command}' is for stacks whose environment is development, and "
            f"'{context.stack}' isn't "
            "one. Write a migration: notifyctl db generate NAME"
        )


def _print_names(names: tuple[str, ...], *, key: str, json: bool) -> None:
    if json:
        say_json({key: list(names)})
        return
    for name in names:
        say(f"  {name}")
