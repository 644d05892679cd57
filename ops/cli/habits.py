"""What people type at any command line: ``help``, ``stop``, and the tab key."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from inspect import cleandoc
from typing import Any

import typer
import typer.completion

from ops.stacks.errors import UsageError

typer_completion: Any = typer.completion
"""Typer's own machinery, which its module holds without declaring it as public."""

COMPLETION_VARIABLE = "_NOTIFYCTL_COMPLETE"
"""Environment variable by which a shell's script asks for completions (Typer's own protocol)."""

_OTHER_WORDS = {
    "stop": ("The local cloud is stopped, and its data kept, by", "local stop"),
    "down": ("The local cloud is stopped, and its data kept, by", "local stop"),
    "start": ("The local stack is started and deployed by", "up --stack local"),
    "init": ("The local stack is started and deployed by", "up --stack local"),
    "install": ("The local stack is started and deployed by", "up --stack local"),
    "ps": ("What runs is shown by", "status"),
    "ls": ("Notifications are listed by", "logs"),
    "remove": ("A stack is removed by", "destroy --stack STACK"),
    "delete": ("A stack is removed by", "destroy --stack STACK"),
    "undo": ("A release is taken back by", "rollback --stack STACK"),
    "config": ("Settings are checked by", "settings check"),
    "backup": ("The database is backed up by", "db backup"),
    "restore": ("The database is restored by", "db restore"),
    "migrate": ("The database is migrated by", "db migrate"),
    "retry": ("A notification is sent again by", "notifications retry"),
    "resend": ("A notification is sent again by", "notifications retry"),
}
"""Words of other tools, with what does it here."""


def understood(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with ``help COMMAND`` and ``version`` in the form that options have.

    Raises:
        UsageError: the command is another tool's word for one of ours.
    """
    first, rest = "".join(arguments[:1]), list(arguments[1:])
    if first == "help":
        return [*rest, "--help"]
    if first == "version" and not rest:
        return ["--version"]
    if first in _OTHER_WORDS:
        does, command = _OTHER_WORDS[first]
        raise UsageError(f"There is no command '{first}'. {does} 'notifyctl {command}'.")
    return list(arguments)


def to_complete(environment: Mapping[str, str] = os.environ) -> list[str] | None:
    """Return the words on the line that a shell wants completed; ``None`` where none does."""
    if COMPLETION_VARIABLE not in environment:
        return None
    line = environment.get("_TYPER_COMPLETE_ARGS") or environment.get("COMP_WORDS") or ""
    words = line.split()[1:]
    # The last word is still being typed, unless a space follows it.
    return words if line.endswith((" ", "\n")) else words[:-1]


def completion_script(shell: str) -> str:
    """Return the script that a shell reads to complete ``notifyctl``."""
    return str(
        typer_completion.get_completion_script(
            prog_name="notifyctl", complete_var=COMPLETION_VARIABLE, shell=shell
        )
    )


def ready_to_complete() -> None:
    """Register the shells whose questions the app then answers."""
    typer_completion.completion_init()


def reflow(app: typer.Typer) -> typer.Typer:
    """Let the terminal wrap the help of every command of a group, and return the group."""
    for command in app.registered_commands:
        if command.callback is not None:
            command.help = flowing(command.help or command.callback.__doc__ or "")
    for group in app.registered_groups:
        if group.typer_instance is not None:
            reflow(group.typer_instance)
    return app


def flowing(text: str) -> str:
    """Return a help text with one line for each paragraph, which the terminal then wraps."""
    paragraphs = re.split(r"\n[ \t]*\n", cleandoc(text))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
