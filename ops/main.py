"""The command ``notifyctl``."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from ops.commands import (
    adopt,
    analyze,
    bundle,
    check,
    cleanup,
    db,
    deploy,
    deployments,
    destroy,
    dev,
    diagnose,
    doctor,
    drift,
    history,
    keys,
    local,
    logs,
    outputs,
    perf,
    preview,
    pull_requests,
    refresh,
    releases,
    report,
    rollback,
    send,
    settings,
    status,
    tail,
    token,
    up,
    verify,
)
from ops.errors import OperationError
from ops.project import CONFIG_FILE_VARIABLE

app = typer.Typer(
    name="notifyctl",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=(
        "Deploy, verify and look at the notification system. "
        "Exit codes: 0 done, 1 failed, 2 wrong use or settings, 3 a tool is missing, "
        "4 a Pulumi operation failed, 5 verification failed, 6 the service refused or didn't "
        "answer, 7 drift found, 8 refused by a gate, 130 interrupted."
    ),
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("notification-system"))
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
    config_file: Annotated[
        Path | None,
        typer.Option(
            help="The stack's settings file, in place of Pulumi.STACK.yaml.",
            envvar=CONFIG_FILE_VARIABLE,
        ),
    ] = None,
) -> None:
    """Hold the options that every command shares."""
    if config_file is not None:
        os.environ[CONFIG_FILE_VARIABLE] = str(config_file)


app.command("up")(up.up)
app.command("deploy")(deploy.deploy)
app.command("verify")(verify.verify)
app.command("doctor")(doctor.doctor)
app.command("check")(check.check)
app.command("preview")(preview.preview)
app.command("destroy")(destroy.destroy)
app.command("refresh")(refresh.refresh)
app.command("outputs")(outputs.outputs)
app.command("status")(status.status)
app.command("send")(send.send)
app.command("logs")(logs.logs)
app.command("tail")(tail.tail)
app.command("analyze")(analyze.analyze)
app.command("cleanup")(cleanup.cleanup)
app.command("diagnose")(diagnose.diagnose)
app.command("perf")(perf.perf)
app.command("performance")(perf.perf)
app.command("dev")(dev.dev)
app.add_typer(report.app, name="report")
app.add_typer(deployments.app, name="deployments")
app.command("adopt")(adopt.adopt)
app.command("drift")(drift.drift)
app.command("history")(history.history)
app.command("releases")(releases.releases)
app.add_typer(rollback.app, name="rollback")
app.command("bundle")(bundle.bundle)
app.add_typer(local.app, name="local")
app.add_typer(settings.app, name="settings")
app.add_typer(keys.app, name="keys")
app.add_typer(token.app, name="token")
app.add_typer(pull_requests.app, name="pr")
app.add_typer(db.app, name="db")


def run() -> None:
    """Run the command line; every expected failure is one sentence and an exit code."""
    try:
        app()
    except OperationError as error:
        _say(_advised(str(error)))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say("interrupted; run the same command again to go on where it stopped.")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if error.errno != 28:
            raise
        _say("the disk is full. Free some room and run the same command again.")
        sys.exit(1)


def _advised(message: str) -> str:
    """The message, and where it tells of a call that a token may not make, the permission."""
    if "403" not in message:
        return message
    from infra.access.calls import refusal_advice

    advice = refusal_advice(message)
    return f"{message}\n{advice}" if advice else message


def _say(text: str) -> None:
    mark = "\033[31merror:\033[0m" if sys.stderr.isatty() else "error:"
    sys.stderr.write(f"{mark} {text}\n")
