"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

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
