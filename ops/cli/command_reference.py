"""Every command of ``notifyctl`` with its options, read from the app itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import typer
from typer.main import get_command

FILE = "docs/commands.md"
_HEAD = """# Commands

`python -m ops.cli.command_reference` generates this page from the commands; a test fails if it is
stale. `notifyctl COMMAND --help` also explains every option.

| command | what it does | options |
|---|---|---|
"""


@dataclass(frozen=True)
class Command:
    """One command that does something.

    Attributes:
        name: with its group: ``keys rotate``.
        help: its whole help text, or an empty text.
        options: the help text of each option and argument, by its name on the command line.
        values: the range and the default of those that have one, by the same names.
    """

    name: str
    help: str
    options: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    @property
    def row(self) -> str:
        """Its row of the table."""
        summary = self.help.strip().partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        named = " ".join(
            f"`{name}` ({self.values[name]})" if name in self.values else f"`{name}`"
            for name in self.options
        )
        return f"| `notifyctl {self.name}` | {' '.join(summary.split())} | {named} |"


def commands(app: typer.Typer) -> list[Command]:
    """Return every command of an app and of its groups, in the order of their help.

    Earlier names, which help doesn't show, are left out.
    """
    return list(_walk(get_command(app), ""))


def reference(app: typer.Typer) -> str:
    """Return the text of docs/commands.md."""
    return _HEAD + "".join(f"{command.row}\n" for command in commands(app))


def _walk(command: object, prefix: str) -> Iterator[Command]:
    children = getattr(command, "commands", None)
    runs_itself = not children or getattr(command, "invoke_without_command", False)
    if runs_itself and prefix:
        parameters = dict(_parameters(command))
        helps = {name: str(one.help or "") for name, one in parameters.items()}
        values = {name: text for name, one in parameters.items() if (text := _values(one))}
        yield Command(prefix, str(getattr(command, "help", "") or ""), helps, values)
    for name, child in (children or {}).items():
        if not getattr(child, "hidden", False):
            yield from _walk(child, f"{prefix} {name}".strip())


def _parameters(command: object) -> Iterator[tuple[str, Any]]:
    for parameter in getattr(command, "params", ()):
        if parameter.name == "help":
            continue
        is_option = parameter.param_type_name == "option"
        name = max(parameter.opts, key=len) if is_option else str(parameter.name).upper()
        yield name, parameter


def _values(parameter: Any) -> str:
    """Return a number's range and the default, such as ``1 to 8, default 1``."""
    least, most = getattr(parameter, "min", None), getattr(parameter, "max", None)
    told = []
    if least is not None:
        told.append(f"from {least:.15g}" if most is None else f"{least:.15g} to {most:.15g}")
    match parameter.default:
        case bool() | "":
            pass
        case float() as number:
            told.append(f"default {number:.15g}")
        case int() | str() as value:
            told.append(f"default {value}")
    return ", ".join(told)


if __name__ == "__main__":
    from ops.cli.main import command_line
    from ops.stacks.project import Project

    (Project.find().root / FILE).write_text(reference(command_line()), encoding="utf-8")
