"""``notifyctl db status``, ``check`` and ``studio``."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption


def status(stack: StackOption = "local", json: JsonOption = False) -> None:
    """Show the database's tables, rows and migrations; exit with 5 where something is missing.

    The id in the stack's outputs is compared with the account's.
    """
    from ops.database.schema_state import SchemaState
    from ops.database.stack_database import StackDatabase
    from ops.stacks.errors import VerificationFailed
    from ops.stacks.project import Project

    project = Project.find()
    database = StackDatabase.of(project, stack)
    state = SchemaState.read(database, project)
    if json:
        typer.echo(json_text.dumps(state.document(), indent=2))
    else:
        for line in state.lines():
            typer.echo(line)
    if state.problem:
        raise VerificationFailed(state.problem)


def check(stack: StackOption = "local", json: JsonOption = False) -> None:
    """Check the data for what constraints can't express; exit with 5 where a check fails."""
    from ops.database.consistency import check_consistency
    from ops.database.stack_database import StackDatabase
    from ops.stacks.console import Reporter
    from ops.stacks.errors import VerificationFailed
    from ops.stacks.project import Project

    findings = check_consistency(StackDatabase.of(Project.find(), stack))
    bad = [finding for finding in findings if finding.rows]
    if json:
        document = {"ok": not bad, "checks": [vars(finding) for finding in findings]}
        typer.echo(json_text.dumps(document, indent=2))
    else:
        Reporter().table(
            "ROWS", "CHECK", rows=[(str(finding.rows), finding.rule) for finding in findings]
        )
    if bad:
        raise VerificationFailed("; ".join(finding.text() for finding in bad) + ".")


def studio(
    stack: StackOption = "local",
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
) -> None:
    """Browse the tables in a web page on this machine, read only, until Ctrl-C."""
    from ops.database.stack_database import StackDatabase
    from ops.database.studio import Studio
    from ops.stacks.project import Project

    Studio(StackDatabase.of(Project.find(), stack)).serve(
        port, ready=lambda url: typer.echo(f"Tables of '{stack}': {url}\nCtrl-C ends it.")
    )
