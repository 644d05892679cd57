"""``notifyctl doctor``: is everything there that a stack's operation needs?"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.observe.doctor.doctor import Doctor
from ops.stacks.console import Reporter


def doctor(
    run: typer.Context,
    stack: StackOption = "local",
    signature: Annotated[
        bool,
        typer.Option(
            "--signature",
            help=(
                "Only signed calls: the key's length, the clocks, the text that is signed for a "
                "sample "
                "request, and what a signed call is answered."
            ),
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Look at tools, plugins, logins, token, secrets and bindings, and say how to fix each.

    It changes nothing. Exit codes: 0 nothing failed, 1 a check failed, 2 no such stack, 3 a tool
    is missing or too old.
    """
    reporter = Reporter(json=json)
    looked = Doctor(open_stack(run, stack, reporter))
    looked.run(signature=signature)
    if json:
        say_json({"stack": stack, **looked.checks.document()})
    if (verdict := looked.verdict()) is not None:
        raise verdict
