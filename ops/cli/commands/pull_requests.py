"""``notifyctl pr``: stacks that live as long as their pull request."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, open_stack
from ops.cli.printing import say, say_json
from ops.deploy.baseline import Baseline
from ops.deploy.pull_request_stack import PullRequestStack, stack_of
from ops.deploy.pull_request_sweep import sweep as run_sweep
from ops.github.plan_comment import PlanComment
from ops.github.repository import Repository
from ops.stacks.console import Reporter
from ops.stacks.errors import StackFailed, UsageError
from ops.stacks.local_stack import LocalStack
from ops.stacks.moment import counted

app = typer.Typer(
    no_args_is_help=True,
    help="Make and remove the stack 'pr-N' of a pull request. Its settings are those of the stack "
    "'development', but for domain, crons, secrets and whatever else belongs to one stack alone.",
)

NumberArgument = Annotated[int, typer.Argument(min=1, help="The pull request's number.")]
BaseOption = Annotated[
    str, typer.Option("--from", help="The stack whose settings the pull request's derive from.")
]


@app.command()
def up(
    run: typer.Context,
    number: NumberArgument,
    base: BaseOption = "development",
    json: JsonOption = False,
    skip_verify: Annotated[
        bool, typer.Option("--skip-verify", help="Deploy only; don't verify the service.")
    ] = False,
) -> None:
    """Deploy the stack of a pull request. Safe to repeat, with new code or the same."""
    reporter = Reporter(json=json)
    stack = PullRequestStack(open_stack(run, base, reporter), number)
    report = stack.up(verify=not skip_verify)
    if json:
        say_json(report.document())
        return
    reporter.line("")
    reporter.line(f"Service   {report.update.outputs.get('service_url')}")
    reporter.line(f"Remove    notifyctl pr destroy {number}")


@app.command()
def destroy(
    run: typer.Context,
    number: NumberArgument,
    base: BaseOption = "development",
    json: JsonOption = False,
) -> None:
    """Remove the stack of a pull request and everything in it, in one run. Safe to repeat."""
    reporter = Reporter(json=json)
    existed = PullRequestStack(open_stack(run, base, reporter), number).destroy()
    if json:
        document = {"stack": stack_of(number), "removed": existed}
        say_json(document)
    elif not existed:
        reporter.line(f"There is no stack {stack_of(number)}: nothing was removed.")


@app.command()
def sweep(
    run: typer.Context,
    base: BaseOption = "development",
    open_: Annotated[
        str | None,
        typer.Option(
            "--open",
            help="Numbers of the open pull requests, such as 12,15 (empty: none is open). Without "
            "it GitHub is asked.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Remove every stack 'pr-N' whose pull request is closed. Exit with 4 if one remains."""
    reporter = Reporter(json=json)
    numbers = None if open_ is None else _numbers(open_)
    result = run_sweep(open_stack(run, base, reporter), open_numbers=numbers)
    if json:
        document = {
            "kept": list(result.kept),
            "removed": list(result.removed),
            "failed": result.failed,
        }
        say_json(document)
    else:
        reporter.line(f"{len(result.removed)} removed, {len(result.kept)} kept (still open).")
    if result.failed:
        name, reason = next(iter(result.failed.items()))
        raise StackFailed(f"{counted(len(result.failed), 'stack')} remain. {name}: {reason}")


@app.command()
def comment(
    run: typer.Context,
    number: NumberArgument,
    plan: Annotated[
        typer.FileText, typer.Argument(help="File with the plan, as 'preview' printed it.")
    ],
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack that was planned.")],
    base: BaseOption = "development",
    json: JsonOption = False,
) -> None:
    """Show a plan in the pull request: one comment per stack, updated each time."""
    context = open_stack(run, base, Reporter(json=json))
    repository = Repository.of(context)
    with context.reporter.step(f"Plan of '{stack}' in pull request {number}") as step:
        commit = context.origin.commit
        address = PlanComment(repository, number, stack).put(plan.read(), commit=commit)
        step.detail = address
    if json:
        say(json_text.dumps({"comment": address}))


@app.command()
def baseline(
    run: typer.Context,
    file: Annotated[Path, typer.Argument(help="File to write; one that is there is replaced.")],
    stack: Annotated[
        str, typer.Option("--stack", "-s", help="The stack whose state it is.")
    ] = "production",
    json: JsonOption = False,
) -> None:
    """Write a stack's state without its secrets, for 'preview --baseline' in pull requests.

    A placeholder, made from its fingerprint, replaces each secret: the plan shows whether a secret
    changed, but contains none. The file has the ids and names of the stack's resources.
    """
    context = open_stack(run, stack, Reporter(json=json))
    settings = context.file.path
    if context.is_local:
        settings = LocalStack.prepare(context).config_file
    with context.reporter.step(f"Baseline of '{stack}'") as step:
        taken = Baseline.take(context, settings)
        taken.write(file)
        step.detail = f"{file}, {counted(len(taken.secrets), 'secret')} left out"
    if json:
        document = {"stack": stack, "commit": taken.commit, "secrets": sorted(taken.secrets)}
        say_json(document)


def _numbers(text: str) -> set[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() for part in parts):
        raise UsageError(f"--open takes numbers with commas between them, such as 12,15: '{text}'.")
    return {int(part) for part in parts}
