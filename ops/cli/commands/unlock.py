"""``notifyctl unlock``: remove a lock that nobody holds any more."""

from __future__ import annotations

import json as json_text

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.confirmation import ConfirmOption, require_confirmation
from ops.cli.printing import say
from ops.stacks.choice import choose_driver
from ops.stacks.console import Reporter


def unlock(
    run: typer.Context, stack: StackOption, confirm: ConfirmOption = None, json: JsonOption = False
) -> None:
    """Show who holds the lock on a stack's state and since when, and remove it.

    Do this only if that update certainly doesn't run any more: it would overwrite the next one.
    """
    reporter = Reporter(json=json)
    driver = choose_driver(open_stack(run, stack, reporter))
    holders = driver.locks()
    for holder in holders or ():
        reporter.line(f"Locked by {holder}")
    removed = holders is None or bool(holders)
    if removed:
        whose = "the lock, whose holder this backend doesn't name," if holders is None else "it"
        require_confirmation(stack, f"This removes {whose} from the state of '{stack}'", confirm)
        driver.unlock()
        reporter.line(f"'{stack}' isn't locked any more. See what is there: notifyctl refresh")
    else:
        reporter.line(f"'{stack}' isn't locked.")
    if json:
        say(json_text.dumps({"holders": holders, "removed": removed}))
