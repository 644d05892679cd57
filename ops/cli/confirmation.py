"""A step that removes data is confirmed by typing the stack's name."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ops.stacks.errors import UsageError

ConfirmOption = Annotated[
    str | None,
    typer.Option(
        "--confirm",
        metavar="STACK",
        help="The stack's name, typed again: confirms without a terminal.",
    ),
]


LossOption = Annotated[
    str | None,
    typer.Option(
        "--confirm-loss",
        metavar="STACK",
        help="The stack's name, typed again: the update may delete or replace stores of data.",
    ),
]


def require_confirmation(
    stack: str, what: str, typed: str | None, *, option: str = "--confirm"
) -> None:
    """Go on only if the stack's name was typed, on the command line or on the terminal.

    Args:
        stack: the name to type.
        what: what will happen, as a sentence without its full stop.
        typed: the value of ``option``.
        option: the option that confirms without a terminal.

    Raises:
        UsageError: something else was typed, or there is no terminal to ask on.
    """
    if typed is None:
        if not sys.stdin.isatty():
            raise UsageError(f"{what}: confirm it by {option} {stack}, or run it on a terminal.")
        typed = typer.prompt(f"{what}. Type the stack's name", err=True)
    if typed != stack:
        raise UsageError(f"'{typed}' isn't '{stack}': nothing was done.")
