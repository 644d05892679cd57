"""``notifyctl verify``: is the deployed service the one that was meant, and does it work?"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.deploy.deployment import Deployment
from ops.stacks.console import Reporter
from ops.stacks.errors import VerificationFailed

_CALLERS_S = 60
"""How far back callers' answers are looked at; what is older may be mended."""


def verify(
    run: typer.Context,
    stack: StackOption = "local",
    integration: Annotated[
        bool | None,
        typer.Option(
            "--integration/--no-integration",
            help=(
                "Also configure a user, use a template and really send; by default in production "
                "and on this machine. The endpoint is LARK_WEBHOOK_URL (with LARK_WEBHOOK_SECRET), "
                "or the local cloud's sink."
            ),
        ),
    ] = None,
    health_pause: Annotated[
        float,
        typer.Option("--health-pause", min=0, help="Seconds between the three health checks."),
    ] = 10.0,
    json: JsonOption = False,
) -> None:
    """Verify the service from outside; exit with 5 and the check's name if one fails.

    It checks worker, version, database, cache and queues, that an unsigned send is refused, and
    that a signed call is answered; with --integration also endpoints, config, template, send and
    logs. If the account's token can read them, it checks the callers' answers of the last minute.
    """
    deployment = Deployment(open_stack(run, stack, Reporter(json=json)))
    try:
        outputs = deployment.outputs(start=False)
        results = deployment.checks().run(
            outputs, integration=integration, pause=health_pause, callers=_CALLERS_S
        )
    except VerificationFailed as error:
        if json:
            document = {"stack": stack, "passed": False, "failed_check": error.check}
            say_json({**document, "message": str(error)})
        raise
    if json:
        checks = [result.document() for result in results]
        say_json({"stack": stack, "passed": True, "checks": checks})
