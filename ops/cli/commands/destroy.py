"""``notifyctl destroy``: remove every resource of a stack."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ops.cli.commands.options import StackOption, open_stack
from ops.deploy.removal import Removal
from ops.stacks.console import Reporter
from ops.stacks.errors import UsageError


def destroy(
    run: typer.Context,
    stack: StackOption,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    erase: Annotated[
        bool,
        typer.Option(
            "--erase", help=("Also remove the local cloud's data; only for the stack 'local'.")
        ),
    ] = False,
    unprotect: Annotated[
        str,
        typer.Option(
            "--unprotect",
            metavar="STACK",
            help="Remove protected stores, too: the stack's name, typed again by hand.",
        ),
    ] = "",
) -> None:
    """Remove every resource of the stack, in one run. Its history stays unless --erase is given.

    Production's database, namespace and queues are protected: the command removes nothing unless
    --unprotect names the stack.
    """
    if unprotect not in ("", stack):
        raise UsageError(f"--unprotect {unprotect} isn't '{stack}': nothing was removed.")
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("This removes data: give --yes, or run it on a terminal.")
        typed = typer.prompt(f"This removes every resource of '{stack}'. Type the stack's name")
        if typed != stack:
            raise UsageError(f"'{typed}' isn't '{stack}': nothing was removed.")
    Removal(open_stack(run, stack, Reporter())).run(erase=erase, unprotect=bool(unprotect))
