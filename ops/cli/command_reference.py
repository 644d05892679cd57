"""Every command of ``notifyctl`` with its options, read from the app itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

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
    """

    name: str
    help: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def row(self) -> str:
        """Its row of the table."""
        summary = self.help.strip().partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        named = " ".join(f"`{name}`" for name in self.options)
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
        yield Command(prefix, str(getattr(command, "help", "") or ""), dict(_options(command)))
    for name, child in (children or {}).items():
        if not getattr(child, "hidden", False):
            yield from _walk(child, f"{prefix} {name}".strip())


def _options(command: object) -> Iterator[tuple[str, str]]:
    for parameter in getattr(command, "params", ()):
        if parameter.name == "help":
            continue
        is_option = parameter.param_type_name == "option"
        name = max(parameter.opts, key=len) if is_option else str(parameter.name).upper()
        yield name, str(getattr(parameter, "help", "") or "")


if __name__ == "__main__":
    from ops.cli.main import command_line
    from ops.stacks.project import Project

    (Project.find().root / FILE).write_text(reference(command_line()), encoding="utf-8")
