"""Options that several commands share, and the stack that they lead to.

A command that reads takes the stack ``local`` where none is named; one that changes what is
deployed has to be told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from localcloud.endpoints import SWITCHES
from ops.cli.invocation import Invocation
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.errors import UsageError
from ops.stacks.project import Project

StackOption = Annotated[
    str,
    typer.Option(
        "--stack",
        "-s",
        envvar="NOTIFYCTL_STACK",
        help="The stack: local, development, production or any other with a Pulumi.STACK.yaml.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output.")
]


ControlPortOption = Annotated[
    int | None,
    typer.Option(
        "--control-port", min=1, max=65_535, help="Port of the local cloud's API, kept for it."
    ),
]
EdgePortOption = Annotated[
    int | None,
    typer.Option("--edge-port", min=1, max=65_535, help="Port of the local service, kept for it."),
]
SinkPortOption = Annotated[
    int | None,
    typer.Option("--sink-port", min=1, max=65_535, help="Port of the local sink, kept for it."),
]


def filled(option: str, *texts: str) -> None:
    """Refuse an option whose text came out empty: read as absent, it would mean something else.

    Raises:
        UsageError: names the option.
    """
    if not all(text.strip() for text in texts):
        raise UsageError(f"{option} is empty: give it a text.")


def choose_ports(
    run: typer.Context, control: int | None, edge: int | None, sink: int | None
) -> None:
    """Let the command use these ports of the local cloud, as the environment would choose them."""
    given = {"control": control, "edge": edge, "sink": sink}
    chosen = {SWITCHES[name][1]: str(port) for name, port in given.items() if port is not None}
    invocation: Invocation = run.obj
    run.obj = replace(invocation, environment={**invocation.environment, **chosen})


def open_project(run: typer.Context) -> Project:
    """Return the project around the working directory.

    Raises:
        UsageError: there is none, or its ports can't be told.
    """
    invocation: Invocation = run.obj
    return Project.find(environment=invocation.environment)


def open_stack(run: typer.Context, stack: str, reporter: Reporter | None = None) -> StackContext:
    """Return what the command's operations on a stack are given.

    Args:
        run: the command's own context, which holds the :class:`Invocation`.
        stack: the stack's name.
        reporter: where steps are shown; ``None`` shows nothing.

    Raises:
        UsageError: there is no such stack, or its settings file can't be read.
    """
    invocation: Invocation = run.obj
    return StackContext.read(
        Project.find(environment=invocation.environment),
        stack,
        reporter or Reporter(quiet=True),
        path=invocation.config_file,
        environment=invocation.environment,
    )
