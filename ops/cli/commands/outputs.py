"""``notifyctl outputs``: the stack's outputs."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say, say_json
from ops.stacks.choice import choose_driver
from ops.stacks.console import Reporter
from ops.stacks.errors import StackFailed, UsageError
from ops.stacks.table import whole


def outputs(
    run: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="Print only this output, unquoted, for scripts.")
    ] = None,
    stack: StackOption = "local",
    json: JsonOption = False,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Print secret outputs in clear.")
    ] = False,
) -> None:
    """Print the stack's outputs: URLs, ids, the version id, the release.

    Example: curl "$(notifyctl outputs service_url)/health"
    """
    found = choose_driver(open_stack(run, stack)).outputs(show_secrets=show_secrets)
    if not found:
        raise StackFailed(
            f"The stack '{stack}' has no outputs: it isn't deployed. "
            f"Run 'notifyctl up --stack {stack}'."
        )
    if name is not None:
        if name not in found:
            raise UsageError(f"The stack '{stack}' has no output '{name}': {', '.join(found)}.")
        if json:
            say_json(found[name])
        else:
            say(_text(found[name]))
        return
    if json:
        say(json_text.dumps(dict(found), indent=2, sort_keys=True))
        return
    Reporter().table(
        whole("output"),
        "value",
        rows=[(name, _text(found[name])) for name in sorted(found)],
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else json_text.dumps(value)
