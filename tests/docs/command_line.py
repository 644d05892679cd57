"""A line of a shell as far as documents use it, and what notifyctl would say to it."""

from __future__ import annotations

import re
import shlex
from typing import Any

import typer

from ops.cli.main import command_line

OTHER_PROGRAMS = {
    *("pulumi", "git", "gh", "make", "openssl", "export", "unset", "read", "cd", "mkdir", "rm"),
    *("cat", "curl", "dig", "echo", "jq"),
}
"""What a document may ask for beside notifyctl."""
_PARTS = {"&&", "||", ";", "|", "&", "(", ")"}
_INNER = re.compile(r"\$\(([^()]*)\)")


def commands_of(text: str) -> list[list[str]]:
    """Return the simple commands of a script, those inside ``$( )`` too, without assignments.

    Raises:
        ValueError: a quotation isn't closed.
    """
    found: list[list[str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        rest = line
        while inner := _INNER.search(rest):
            found += commands_of(inner[1])
            rest = f"{rest[: inner.start()]}VALUE{rest[inner.end() :]}"
        lexer = shlex.shlex(rest, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        command: list[str] = []
        for token in [*lexer, ";"]:
            if token in _PARTS:
                found += [command] if command else []
                command = []
            elif command or not re.match(r"[A-Za-z_]\w*=", token):
                command.append(token)
    return found


_WHOLE = typer.main.get_command(command_line())


def mistake_in(command: list[str]) -> str | None:
    """Return what is wrong with a command: an unknown program, command, option, or too little."""
    program = command[0].removeprefix(".venv/bin/")
    if program != "notifyctl":
        return None if program in OTHER_PROGRAMS else f"unknown program {program}"
    arguments = command[1:]
    for cut in (">", ">>", "<"):
        if cut in arguments:
            arguments = arguments[: arguments.index(cut)]
    return _mistake(_WHOLE, "notifyctl", arguments)


def _mistake(command: Any, name: str, arguments: list[str]) -> str | None:
    context = command.context_class(command, info_name=name)
    if "--help" in arguments:
        arguments = [each for each in arguments if each != "--help"]
    try:
        given, rest, _ = command.make_parser(context).parse_args(args=list(arguments))
    except Exception as error:
        return f"{name}: {getattr(error, 'message', error)}"
    inner = getattr(command, "commands", None)
    if inner is not None and rest:
        if rest[0] not in inner:
            return f"{name}: there is no command {rest[0]}"
        return _mistake(inner[rest[0]], f"{name} {rest[0]}", rest[1:])
    if rest:
        return f"{name}: too many arguments, {rest}"
    lacking = [each.name for each in command.params if each.required and not given.get(each.name)]
    return f"{name}: {', '.join(lacking)} lacks" if lacking else None
