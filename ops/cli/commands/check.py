"""``notifyctl check``: may this be deployed now?"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.deploy.preflight.preflight import Preflight, PreflightOptions
from ops.stacks.console import Reporter


class ChangeKind(StrEnum):
    """Kinds of change, which have windows of their own."""

    ROUTINE = "routine"
    URGENT = "urgent"
    MAJOR = "major"
    MIGRATION = "migration"


class Skippable(StrEnum):
    """Checks that may be left out; the report tells it."""

    WORK_TREE = "work-tree"
    DEPENDENCIES = "dependencies"
    TYPES = "types"
    TESTS = "tests"


KindOption = Annotated[
    ChangeKind,
    typer.Option(
        "--kind",
        envvar="NOTIFYCTL_CHANGE_KIND",
        help="Kind of change; deployment-windows.yaml has the window of each.",
    ),
]
OverrideOption = Annotated[
    str,
    typer.Option(
        "--override",
        envvar="NOTIFYCTL_WINDOW_OVERRIDE",
        help="Deploy outside the window for this reason, which the report and notices show.",
    ),
]
ConfirmOption = Annotated[
    list[str] | None,
    typer.Option(
        "--confirm",
        help="tested, compatible, migrations, security, informed, or all; may be repeated.",
    ),
]
ChecklistOption = Annotated[
    Path | None,
    typer.Option(
        "--checklist",
        help="Signed-off checklist with the confirmations.  [deployment-checklist.yaml]",
    ),
]
SkipOption = Annotated[
    list[Skippable] | None,
    typer.Option("--skip", help="Leave out this check; the report says so. May be repeated."),
]


def check(
    run: typer.Context,
    stack: StackOption = "local",
    kind: KindOption = ChangeKind.ROUTINE,
    at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M%z"],
            help="Time of the deployment; UTC unless it has an offset.  [now]",
        ),
    ] = None,
    override: OverrideOption = "",
    confirm: ConfirmOption = None,
    checklist: ChecklistOption = None,
    skip: SkipOption = None,
    json: JsonOption = False,
) -> None:
    """Check everything before a deployment: code, secrets, migrations, window, confirmations.

    Checks: work tree, dependencies, types, unit tests (a quick part), settings, secrets,
    environment, key age, migrations, account (names
    and addresses that others own), window, reviews, confirmations. The command changes nothing.
    Exit codes: 0 the stack can be deployed, 2 wrong use, 8 a check failed.
    """
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    options = PreflightOptions(
        kind=kind.value,
        at=at,
        override=override,
        confirm=tuple(confirm or ()),
        checklist=checklist,
        skip=skipped_checks(skip or ()),
    )
    preflight = Preflight(open_stack(run, stack, Reporter(json=json)))
    preflight.run(options)
    if json:
        say_json(preflight.document())
    if (verdict := preflight.verdict()) is not None:
        raise verdict


def skipped_checks(names: list[Skippable] | tuple[Skippable, ...]) -> tuple[str, ...]:
    """Return the checks' names as the report has them."""
    words = {Skippable.WORK_TREE: "work tree", Skippable.TESTS: "unit tests"}
    return tuple(words.get(name, name.value) for name in names)
