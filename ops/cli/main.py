"""The command ``notifyctl``."""

from __future__ import annotations

import ast
import errno
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.habits import flowing, ready_to_complete, reflow, to_complete, understood
from ops.cli.invocation import CONFIG_FILE_VARIABLE, Invocation
from ops.cli.output import outlive_readers
from ops.cli.printing import say
from ops.stacks.errors import OperationError, ServiceError
from ops.stacks.interruption import Interruption
from ops.stacks.table import visible

COMMANDS = {
    "up": "up:up",
    "deploy": "deploy:deploy",
    "verify": "verify:verify",
    "doctor": "doctor:doctor",
    "check": "check:check",
    "preview": "preview:preview",
    "destroy": "destroy:destroy",
    "refresh": "refresh:refresh",
    "unlock": "unlock:unlock",
    "recover": "recover:recover",
    "outputs": "outputs:outputs",
    "status": "status:status",
    "send": "send:send",
    "logs": "logs:logs",
    "notifications": "notifications:app",
    "explain": "explain:explain",
    "channels": "channels:app",
    "templates": "templates:app",
    "users": "users:app",
    "tail": "tail:tail",
    "analyze": "analyze:analyze",
    "cost": "cost:cost",
    "cleanup": "cleanup:cleanup",
    "diagnose": "diagnose:diagnose",
    "perf": "perf:perf",
    "performance": "perf:perf",
    "dev": "dev:dev",
    "report": "report:app",
    "deployments": "deployments:app",
    "import": "import_resources:import_resources",
    "adopt": "import_resources:import_resources",
    "drift": "drift:drift",
    "history": "history:history",
    "releases": "releases:releases",
    "rollback": "rollback:app",
    "bundle": "bundle:bundle",
    "local": "local:app",
    "settings": "settings:app",
    "keys": "keys:app",
    "token": "token:app",
    "pr": "pull_requests:app",
    "db": "db:app",
    "completion": "completion:completion",
}
"""Where each command is: its module in `ops.cli.commands`, and there a function or a group."""

HIDDEN = frozenset({"adopt", "performance"})
"""Earlier names of commands: they work for one release more, and help doesn't show them."""

FOLLOWERS = frozenset({"tail", "dev", "db studio"})
"""Commands that go on until they are ended: a lost terminal ends them as Ctrl-C does."""

_HELP = (
    "Deploy, verify and look at the notification system. "
    "Exit codes: 0 done, 1 failed, 2 wrong use or settings, 3 a tool is missing, "
    "4 a Pulumi operation failed, 5 verification failed, 6 the service refused or didn't "
    "answer, 7 drift found, 8 refused by a gate, 130 interrupted (143 by SIGTERM)."
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(version("notification-system"))
        raise typer.Exit


def main(
    run: typer.Context,
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
    run.obj = Invocation(config_file, dict(os.environ), run.obj or Interruption())


def command_line(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """Return ``notifyctl`` with the commands of these names; without any named, with all."""
    app = _app()
    for name in names:
        module, _, attribute = COMMANDS[name].partition(":")
        found = getattr(import_module(f"ops.cli.commands.{module}"), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(reflow(found), name=name)
        else:
            app.command(name, help=flowing(found.__doc__ or ""), hidden=name in HIDDEN)(found)
    return app


def overview() -> typer.Typer:
    """Return ``notifyctl`` for its own help: each command has its text and nothing to run.

    The texts are read from the sources, since to import all commands takes a second.
    """
    app = _app()
    for name, place in COMMANDS.items():
        module, _, attribute = place.partition(":")
        app.command(name, help=flowing(_help_of(module, attribute)), hidden=name in HIDDEN)(
            _nothing
        )
    return app


_ONLY_ASK = frozenset(
    [
        *("analyze", "channels", "cleanup", "cost", "deployments", "diagnose", "explain"),
        *("history", "logs", "notifications", "outputs", "perf", "releases", "report", "send"),
        *("status", "tail", "templates", "users"),
    ]
)
"""Commands that change nothing of a stack's resources."""


def called(arguments: Sequence[str]) -> list[str]:
    """Return the name of the command that is called, or nothing where none of ours is."""
    return [word for word in list(_words(arguments))[:1] if word in COMMANDS]


def stack_in(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the stack that a command line is for, before any command has read it."""
    for word, following in pairwise([*arguments, ""]):
        if word in ("--stack", "-s") and following:
            return following
        if word.startswith("--stack="):
            return word.removeprefix("--stack=")
    return environment.get("NOTIFYCTL_STACK") or "local"


def run() -> None:
    """Run the command line; every expected failure is one sentence and an exit code.

    A closed output ends no command but those that follow something, nor does a lost terminal.
    Ctrl-C and SIGTERM end a deployment in order: what runs is finished and kept.
    """
    typed = to_complete()
    if typed is not None:
        _complete(typed)
    follows = [*_words(sys.argv[1:]), ""][:2]
    endless = " ".join(follows).strip() in FOLLOWERS or follows[0] in FOLLOWERS
    output = outlive_readers(stop=endless)
    interruption = Interruption()
    try:
        with interruption.listening(hangup=endless):
            arguments = understood(sys.argv[1:])
            names = called(arguments)
            app = command_line(names) if names else overview()
            app(arguments, obj=interruption)
    except OperationError as error:
        _say(_advised(error, "".join(called(sys.argv[1:]))))
        sys.exit(interruption.exit_code if interruption.seen else error.exit_code)
    except (KeyboardInterrupt, SystemExit) as end:
        # Typer makes an exit of Ctrl-C; a command that takes it for its end exits with 0.
        code = end.code if isinstance(end, SystemExit) else 130
        if code == 130 and interruption.seen:
            _say(_interrupted("".join(called(sys.argv[1:]))))
            sys.exit(interruption.exit_code)
        if not code and (failure := output.failure):
            _say(f"standard output can't be written: {failure.strerror}. The command did its work.")
            sys.exit(1)
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            _say("the disk is full. Free some room and run the same command again.")
        elif error.filename is not None:
            _say(
                f"{error.filename} can't be used: {error.strerror}. Correct the path, or who may "
                "use it, and run the same command again."
            )
        else:
            raise
        sys.exit(1)


def _words(arguments: Iterable[str]) -> Iterator[str]:
    """Yield the command's name and what follows it, without what begins as an option does."""
    rest = iter(arguments)
    for argument in rest:
        if argument == "--config-file":
            next(rest, None)
        elif not argument.startswith("-"):
            yield argument


def _app() -> typer.Typer:
    app = typer.Typer(
        name="notifyctl",
        no_args_is_help=True,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        help=_HELP,
        epilog="Documentation: docs/README.md; 'make docs' builds it with a search.",
    )
    app.callback()(main)
    return app


def _complete(typed: Sequence[str]) -> None:
    """Answer a shell's question for completions, and end; only the command's module is loaded."""
    ready_to_complete()
    names = called(typed)
    (command_line(names) if names else overview())()


def _nothing() -> None:
    """Stand for a command in the list of all."""


def _help_of(module: str, attribute: str) -> str:
    """Return a function's docstring, or the help that a group is made with."""
    folder = Path(__file__).with_name("commands")
    path = folder / f"{module}.py"
    if not path.is_file():
        path = folder / module / "__init__.py"
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == attribute:
            return ast.get_docstring(node) or ""
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            for keyword in node.value.keywords:
                if names == [attribute] and keyword.arg == "help":
                    return str(ast.literal_eval(keyword.value))
    return ""


def _interrupted(command: str) -> str:
    """Return how to go on after Ctrl-C: what only asks has left nothing to continue or repair."""
    if command in _ONLY_ASK:
        return "interrupted."
    return (
        "interrupted. Run the same command again to continue; if that fails, run "
        f"'notifyctl recover --stack {stack_in(sys.argv[1:], os.environ)}'."
    )


def _advised(error: OperationError, command: str) -> str:
    """Return the error's message, with what to look at next where it doesn't tell that itself.

    A call that isn't allowed names the permission, a service that gave no answer the command that
    looks for the reason: never the one that was called.
    """
    message = str(error)
    if isinstance(error, ServiceError) and error.unanswered:
        looks = [name for name in ("status", "diagnose") if name != command]
        return f"{message} Look for the reason: notifyctl {looks[0]}"
    if "403" not in message:
        return message
    from infra.access.calls import refusal_advice

    advice = refusal_advice(message)
    return f"{message}\n{advice}" if advice else message


def _say(text: str) -> None:
    mark = "\033[31merror:\033[0m" if _has_colour() else "error:"
    sys.stderr.write(f"{mark} {visible(text)}\n")


def _has_colour() -> bool:
    """Say whether standard error takes colour (https://no-color.org, https://clig.dev)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stderr.isatty() and not plain
