"""``notifyctl db status``, ``check`` and ``studio``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from ops.cli.commands.db.backups import passphrase_of
from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say, say_json
from ops.database.backup_file import BackupFile
from ops.database.consistency import Finding, check_consistency
from ops.database.schema_state import SchemaState
from ops.database.stack_database import StackDatabase
from ops.database.studio import Snapshot, Studio, described_together
from ops.stacks.console import Reporter
from ops.stacks.errors import UsageError, VerificationFailed
from ops.stacks.table import number


def status(run: typer.Context, stack: StackOption = "local", json: JsonOption = False) -> None:
    """Show the database's tables, rows and migrations; exit with 5 if something is missing.

    It compares the id in the stack's outputs with the account's.
    """
    context = open_stack(run, stack)
    databases = StackDatabase.all_of(context)
    states = [SchemaState.read(database, context.project) for database in databases]
    if json:
        documents = [state.document() for state in states]
        document = documents[0]
        if len(states) > 1:
            ok = not any(state.problem for state in states)
            document = {"stack": stack, "databases": documents, "ok": ok}
        say_json(document)
    else:
        for line in (line for state in states for line in state.lines()):
            say(line)
    if problems := [state.problem for state in states if state.problem]:
        raise VerificationFailed(" ".join(dict.fromkeys(problems)))


def check(run: typer.Context, stack: StackOption = "local", json: JsonOption = False) -> None:
    """Check the data for what constraints can't express; exit with 5 if a check fails."""
    findings = checked(StackDatabase.all_of(open_stack(run, stack)))
    bad = [finding for finding in findings if finding.rows]
    if json:
        document = {"ok": not bad, "checks": [vars(finding) for finding in findings]}
        say_json(document)
    else:
        Reporter().table(
            number("rows"),
            "check",
            rows=[(f"{finding.rows:,}", finding.rule) for finding in findings],
        )
    if bad:
        raise VerificationFailed("; ".join(finding.text() for finding in bad) + ".")


def checked(databases: Sequence[StackDatabase]) -> list[Finding]:
    """Check each database; of several each finding names its own."""
    several = len(databases) > 1
    return [
        replace(finding, rule=f"{database.name}: {finding.rule}") if several else finding
        for database in databases
        for finding in check_consistency(database)
    ]


def studio(
    run: typer.Context,
    stack: StackOption = "local",
    backup: Annotated[
        list[Path] | None,
        typer.Option(
            "--backup", help="Show this backup, by its file, in place of a new export; repeatable."
        ),
    ] = None,
    database: Annotated[
        int | None,
        typer.Option(
            "--database",
            min=0,
            help="Export this one of several databases, from 0; all if omitted.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
) -> None:
    """Browse a snapshot of the tables in a web page on this machine, until Ctrl-C.

    The pages (Datasette) filter, count by value, run read-only SQL, and export CSV and JSON. They
    show a snapshot and say how old it is. D1 answers no query during an export; --backup avoids
    one. Several databases are exported one after the other and stand beside each other. The address
    works for one login.

    Example: notifyctl db studio --stack production --backup backups/NAME.json
    """
    # The address is the first line on standard output, however long the export takes.
    reporter = Reporter(json=True)
    with TemporaryDirectory(prefix="notifyctl-studio-") as folder:
        if backup:
            if database is not None:
                raise UsageError("--database chooses what is exported; --backup exports nothing.")
            snapshots = _of_backups(run, backup, Path(folder))
        else:
            databases = _chosen(StackDatabase.all_of(open_stack(run, stack)), database, stack)
            snapshots = []
            for one in databases:
                sql = Path(folder) / f"{one.name or stack}.sql"
                with reporter.waiting(f"Exporting {one.name}") as told:
                    snapshots.append(Snapshot.taken_now(one, sql, told))
            snapshots = _named(snapshots, [one.name for one in databases])
        described = described_together(snapshots)
        Studio(*snapshots).serve(
            port,
            ready=lambda url: say(f"{described[0].upper()}{described[1:]}: {url}\nCtrl-C ends it."),
        )


def _chosen(
    databases: Sequence[StackDatabase], number: int | None, stack: str
) -> Sequence[StackDatabase]:
    if number is None:
        return databases
    if number >= len(databases):
        raise UsageError(
            f"The stack '{stack}' has no database {number}. Choose one from 0 to "
            f"{len(databases) - 1}, or omit --database for all."
        )
    return databases[number : number + 1]


def _of_backups(run: typer.Context, paths: Sequence[Path], folder: Path) -> list[Snapshot]:
    """Unpack backups; several are shown by the names of their files, which must differ."""
    found = {file.path.name.partition(".")[0]: file for file in map(BackupFile.read, paths)}
    if len(found) < len(paths):
        raise UsageError("Two of the backups have the same name. Give each backup once.")
    snapshots = [
        Snapshot.of_backup(file, folder / f"{name}.sql", passphrase_of(run, file))
        for name, file in found.items()
    ]
    return _named(snapshots, list(found))


def _named(snapshots: list[Snapshot], names: Sequence[str]) -> list[Snapshot]:
    """Give several snapshots of one stack their names; one alone is called like the stack."""
    if len(snapshots) == 1:
        return snapshots
    return [replace(each, name=name) for each, name in zip(snapshots, names, strict=True)]
