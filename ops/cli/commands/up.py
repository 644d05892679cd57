"""``notifyctl up``: bundle, deploy, verify."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.commands.options import (
    ControlPortOption,
    EdgePortOption,
    JsonOption,
    SinkPortOption,
    StackOption,
    choose_ports,
    open_stack,
)
from ops.cli.confirmation import LossOption, require_confirmation
from ops.cli.printing import say_json
from ops.deploy.deployment import Deployment
from ops.stacks.console import Reporter
from ops.stacks.errors import UsageError


def up(
    run: typer.Context,
    stack: StackOption,
    json: JsonOption = False,
    message: Annotated[
        str, typer.Option("--message", "-m", help="Message of the update in the stack's history.")
    ] = "",
    skip_verify: Annotated[
        bool, typer.Option("--skip-verify", help="Deploy only; don't verify the service.")
    ] = False,
    confirm_loss: LossOption = None,
    control_port: ControlPortOption = None,
    edge_port: EdgePortOption = None,
    sink_port: SinkPortOption = None,
) -> None:
    """Build the bundle, update the stack to match the program, and verify the service.

    For the stack 'local', it starts the local cloud first and ends with a first notification. For
    any other stack, it names the account and plans the update first; an update that loses a data
    store has to be confirmed. Safe to repeat: it changes only what differs.
    """
    reporter = Reporter(json=json)
    choose_ports(run, control_port, edge_port, sink_port)
    context = open_stack(run, stack, reporter)
    if not context.is_local and (control_port or edge_port or sink_port):
        raise UsageError(
            f"--control-port, --edge-port and --sink-port are the local cloud's, and '{stack}' is "
            "no stack on this machine. Leave them out."
        )
    report = Deployment(context).run(
        message=message,
        verify=not skip_verify,
        confirm_loss=lambda what: require_confirmation(
            stack, what, confirm_loss, option="--confirm-loss"
        ),
    )
    if json:
        say_json(report.document())
        return
    for line in report.summary():
        reporter.line(line)
