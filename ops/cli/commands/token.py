"""``notifyctl token``: check the token that a stack is deployed with."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.access.token.stack_token import check_stack_token
from ops.access.token.token_report import TokenReport
from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say, say_json
from ops.stacks.errors import VerificationFailed

app = typer.Typer(no_args_is_help=True, help="Check API tokens and what they may do.")


@app.callback()
def token() -> None:
    """Check API tokens and what they may do."""


@app.command("check")
def check(
    run: typer.Context,
    stack: StackOption = "local",
    token_variable: Annotated[
        str | None,
        typer.Option(
            help="Environment variable that holds the token to check, in place of the stack's own."
        ),
    ] = None,
    token_id: Annotated[
        str | None,
        typer.Option("--id", help="Check the token of this id, read with the stack's own token."),
    ] = None,
    allow_more: Annotated[
        bool, typer.Option("--allow-more", help="Accept unneeded permissions.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Say whether the token is active, and name each missing and each unneeded permission.

    A token that can't read itself, such as CI's, is tried with reads, and with creations with an
    empty body, which only an authorised token gets to see refused as invalid. They change nothing.
    Exit codes: 0 the token passes, 2 no token or no such stack, 5 the token fails, 6 the API didn't
    answer.
    """
    context = open_stack(run, stack)
    report = check_stack_token(context, token_variable=token_variable, token_id=token_id)
    if json:
        say_json({"stack": stack, **report.document()})
    else:
        _show(report)
    if verdict := report.verdict(
        allow_more=allow_more,
        # An operator's own, unless another one is named.
        is_pipeline=context.origin.is_pipeline or bool(token_variable or token_id),
    ):
        raise VerificationFailed(verdict)


def _show(report: TokenReport) -> None:
    ends = f", until {report.expires_on}" if report.expires_on else ""
    say(f"token        {report.status}{ends}")
    how = {"policies": "as Cloudflare tells", "calls": "as far as calls show"}
    if report.source:
        say(f"permissions  {how[report.source]}")
    for mark, names in (
        ("has", report.granted),
        ("lacks", report.missing),
        ("too many", report.surplus),
    ):
        for name in names:
            say(f"{mark:<12} {name}")
