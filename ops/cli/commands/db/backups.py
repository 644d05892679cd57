"""``notifyctl db backup``, ``verify``, ``restore``, ``bookmark`` and ``travel``."""

from __future__ import annotations

import json as json_text
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.confirmation import ConfirmOption, require_confirmation
from ops.cli.invocation import Invocation
from ops.cli.printing import say
from ops.database.backup import Backups
from ops.database.backup_file import PASSPHRASE_VARIABLE, BackupFile
from ops.database.bucket import BackupBucket
from ops.database.consistency import check_consistency
from ops.database.stack_database import StackDatabase
from ops.database.time_travel import TimeTravel, require_no_move_since
from ops.stacks.console import Reporter
from ops.stacks.errors import OperationError, UsageError, VerificationFailed
from ops.stacks.moment import counted, read_time, shown_time

FolderOption = Annotated[
    Path, typer.Option("--folder", help="Folder of the backups.", envvar="NOTIFYCTL_BACKUPS")
]
BucketOption = Annotated[
    str | None, typer.Option("--r2", metavar="BUCKET", help="R2 bucket of the stack's account.")
]
NameArgument = Annotated[
    str | None, typer.Argument(help="The backup's name or file; the newest one if left out.")
]
DEFAULT_FOLDER = Path("backups")


def backup(
    run: typer.Context,
    stack: StackOption = "local",
    folder: FolderOption = DEFAULT_FOLDER,
    r2: BucketOption = None,
    encrypt: Annotated[
        bool,
        typer.Option(
            "--encrypt",
            help="Encrypt it with the passphrase in NOTIFYCTL_BACKUP_PASSPHRASE; 'age -d' opens it "
            "too.",
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Back up each database to a file, and verify it in a scratch database.

    The name has the date and time. The command compares counts and checksums of every table with
    the live database. D1 answers no query during an export.
    """
    reporter = Reporter(json=json)
    every = _all_backups(run, stack, folder)
    passphrase = _passphrase(run) if encrypt else None
    documents: list[dict[str, object]] = []
    for backups in every:
        name = f" ({backups.database.name})" if len(every) > 1 else ""
        with reporter.step(f"Database of '{stack}'{name} backed up and verified") as step:
            taken, moved = backups.take(passphrase=passphrase, told=step.show)
            step.detail = str(taken.path)
        if moved:
            reporter.line(
                f"  Written while it was read, and in the backup as of its beginning: "
                f"{', '.join(moved)}."
            )
        keys: tuple[str, ...] = ()
        if r2:
            with reporter.step(f"Stored in the R2 bucket {r2}"):
                keys = BackupBucket(backups.database.account, r2).put(taken)
        more = {"changed_meanwhile": moved, "r2_keys": keys}
        documents.append({**taken.document(), "path": str(taken.path), **more})
        if not json:
            _tell(taken)
    if json:
        _say_json(documents[0] if len(documents) == 1 else {"backups": documents})


def verify(
    run: typer.Context,
    name: NameArgument = None,
    stack: StackOption = "local",
    folder: FolderOption = DEFAULT_FOLDER,
    r2: BucketOption = None,
    json: JsonOption = False,
) -> None:
    """Load a backup into a scratch database and compare every table's count and checksum."""
    backups, found = _choose_of(_all_backups(run, stack, folder), stack, name, r2)
    with Reporter(json=json).step(f"{found.path.name} verified") as step:
        passphrase = passphrase_of(run, found)
        verified = backups.verify(found, passphrase=passphrase, told=step.show)
    _show(verified, reporter_json=json, more={})


def restore(
    run: typer.Context,
    name: NameArgument = None,
    stack: StackOption = "local",
    folder: FolderOption = DEFAULT_FOLDER,
    r2: BucketOption = None,
    confirm: ConfirmOption = None,
    json: JsonOption = False,
) -> None:
    """Replace the whole database with a backup. Everything written since then is lost.

    Production needs a verified backup of its current data that is less than an hour old. Set
    maintenanceMode first, so that nothing is accepted meanwhile. The output begins with the command
    that undoes the restore.
    """
    every = _all_backups(run, stack, folder)
    backups, found = _choose_of(every, stack, name, r2)
    require_no_move_since([each.database for each in every], found.taken_at, what=found.path.name)
    if stack == "production":
        backups.require_fresh(what="A restore")
    what = f"This replaces everything in the database of '{stack}' by {found.path.name}"
    require_confirmation(stack, what, confirm)
    reporter = Reporter(json=json)
    undo = ""
    try:
        undo = TimeTravel([each.database for each in every]).bookmark()
        reporter.line(f"To undo it: notifyctl db travel {undo} --stack {stack}")
    except OperationError as error:
        reporter.line(f"warning: nothing will undo it: {error}", style="yellow")
    with reporter.step(f"{found.path.name} restored") as step:
        passphrase = passphrase_of(run, found)
        moved = backups.restore(found, passphrase=passphrase, told=step.show)
    if moved:
        reporter.line(f"  Written since the restore: {', '.join(moved)}.")
    with reporter.step("Consistency checked") as step:
        problems = [finding for finding in check_consistency(backups.database) if finding.rows]
        step.detail = f"{counted(len(problems), 'problem')}"
    _show(found, reporter_json=json, more={"changed_since": moved, "undo": undo})
    if problems:
        raise VerificationFailed(
            f"The restored data has problems: {'; '.join(one.text() for one in problems)}. "
            f"See 'notifyctl db check --stack {stack}'."
        )


def bookmark(
    run: typer.Context,
    stack: StackOption = "local",
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="A time, or how long ago, such as 2h.  [now]"),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Print the Time Travel bookmark of now, or of a time within the account's retention.

    That of several databases names one of each, and its time.
    """
    moment = None if at is None else read_time(at, "--at")
    if moment is not None and moment > datetime.now(UTC):
        raise UsageError(
            f"--at is {shown_time(moment)}, which is still to come. Give a time in the past; "
            "without --at the bookmark is of now."
        )
    found = TimeTravel(StackDatabase.all_of(open_stack(run, stack))).bookmark(moment)
    say(json_text.dumps({"bookmark": found}) if json else found)


def travel(
    run: typer.Context,
    bookmark: Annotated[str, typer.Argument(help="A bookmark from 'notifyctl db bookmark'.")],
    stack: StackOption = "local",
    folder: FolderOption = DEFAULT_FOLDER,
    confirm: ConfirmOption = None,
    json: JsonOption = False,
) -> None:
    """Return the database to a bookmark, and print the bookmark that undoes it.

    Several databases return together, or none does; never across a move of recipients.
    """
    every = _all_backups(run, stack, folder)
    if stack == "production":
        for backups in every:
            backups.require_fresh(what="Time travel")
    databases = [backups.database for backups in every]
    one = "database" if len(databases) == 1 else f"{len(databases)} databases"
    require_confirmation(stack, f"This returns the {one} of '{stack}' to {bookmark}", confirm)
    with Reporter(json=json).step(f"{one.capitalize()} of '{stack}' returned to {bookmark}"):
        undo = TimeTravel(databases).travel(bookmark)
    say(
        json_text.dumps({"undo": undo})
        if json
        else f"To undo it: notifyctl db travel {undo} --stack {stack}"
    )


def _all_backups(run: typer.Context, stack: str, folder: Path) -> list[Backups]:
    return [Backups(one, folder) for one in StackDatabase.all_of(open_stack(run, stack))]


def _choose_of(
    every: Sequence[Backups], stack: str, name: str | None, r2: str | None
) -> tuple[Backups, BackupFile]:
    """Return the backup that is named, or the newest one, and the backups of its database."""
    if len(every) == 1:
        return every[0], _choose(every[0], name, r2)
    if name is None:
        raise UsageError(
            f"'{stack}' has {len(every)} databases, each with backups of its own. Name the backup."
        )
    found = _choose(every[0], name, r2)
    for backups in every:
        if backups.database.database_id == found.database_id:
            return backups, found
    raise UsageError(f"{found.path.name} is of no database that '{stack}' has now.")


def _choose(backups: Backups, name: str | None, r2: str | None) -> BackupFile:
    """Return the backup that is named, from the folder or the bucket; the newest without a name."""
    if r2 is not None:
        bucket = BackupBucket(backups.database.account, r2)
        names = bucket.names()
        if not names:
            raise UsageError(f"The bucket {r2} has no backup of '{backups.database.stack}'.")
        return bucket.get(name or names[-1], backups.folder)
    if name is None:
        newest = backups.newest()
        if newest is None:
            raise UsageError(
                f"{backups.folder} has no backup of '{backups.database.stack}'. "
                "'notifyctl db backup' takes one."
            )
        return newest
    path = Path(name)
    return BackupFile.read(path if path.parent != Path() else backups.folder / name)


def passphrase_of(run: typer.Context, backup: BackupFile) -> str | None:
    """Return the environment's passphrase where the backup needs one.

    Raises:
        UsageError: it needs one, and there is none.
    """
    return _passphrase(run) if backup.is_sealed else None


def _passphrase(run: typer.Context) -> str:
    invocation: Invocation = run.obj
    passphrase = invocation.environment.get(PASSPHRASE_VARIABLE, "")
    if len(passphrase) < 16:
        raise UsageError(
            f"{PASSPHRASE_VARIABLE} must hold a passphrase of at least 16 characters. Keep it in "
            "a password manager: without it a sealed backup is lost."
        )
    return passphrase


def _show(backup: BackupFile, *, reporter_json: bool, more: dict[str, object]) -> None:
    if reporter_json:
        _say_json({**backup.document(), "path": str(backup.path), **more})
        return
    _tell(backup)


def _say_json(document: dict[str, object]) -> None:
    say(json_text.dumps(document, indent=2, default=list))


def _tell(backup: BackupFile) -> None:
    rows = sum(table.rows for table in backup.tables.values())
    tables = counted(len(backup.tables), "table")
    say(f"{backup.path}: {tables}, {counted(rows, 'row')}, verified")
