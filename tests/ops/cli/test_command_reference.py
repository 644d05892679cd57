"""No command is undocumented: each has its help, each option its own, and the docs name it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command

from ops.cli.command_reference import FILE, commands, reference
from ops.cli.main import called, command_line, overview

ROOT = Path(__file__).resolve().parents[3]


WHOLE = command_line()


def undocumented(some_app: typer.Typer, pages: str) -> list[str]:
    """What lacks a text: commands, options, and commands that no page names."""
    found = []
    for command in commands(some_app):
        if not command.help.strip():
            found.append(f"{command.name} has no help")
        found += [
            f"{command.name} {name} has no help"
            for name, text in command.options.items()
            if not text.strip()
        ]
        if f"notifyctl {command.name}" not in pages:
            found.append(f"no page names {command.name}")
    return found


def test_every_command_and_every_option_has_its_text_and_a_page() -> None:
    pages = [*ROOT.glob("docs/**/*.md"), ROOT / "README.md"]
    assert undocumented(WHOLE, "\n".join(page.read_text() for page in pages)) == []
    names = {command.name for command in commands(WHOLE)}
    assert {"doctor", "check", "keys rotate", "db status", "rollback", "deploy"} <= names


def test_what_lacks_a_text_is_found() -> None:
    bare, group = typer.Typer(), typer.Typer()

    @bare.command()
    def mute(_option: Annotated[bool, typer.Option("--quietly")] = False) -> None: ...

    @group.command()
    def told(_option: Annotated[bool, typer.Option("--well", help="Well.")] = False) -> None:
        """Do it."""

    bare.add_typer(group, name="group")
    assert undocumented(bare, "Use notifyctl mute.") == [
        "mute has no help",
        "mute --quietly has no help",
        "no page names group told",
    ]


def test_the_reference_is_the_apps() -> None:
    assert (ROOT / FILE).read_text() == reference(WHOLE), "run: python -m ops.cli.command_reference"


@pytest.mark.parametrize("wanted", ["doctor", "check", "keys rotate"])
def test_a_row_has_the_first_sentence_and_the_options(wanted: str) -> None:
    [command] = [one for one in commands(WHOLE) if one.name == wanted]
    assert command.row.startswith(f"| `notifyctl {wanted}` | ")
    assert "`--json`" in command.row
    assert command.help.partition(".")[0].partition("\n")[0][:30] in command.row


def test_a_row_has_the_range_of_a_number_and_the_default() -> None:
    app = typer.Typer()

    @app.command()
    def one(
        least: Annotated[int, typer.Option("--least", min=1)] = 3,
        within: Annotated[float, typer.Option("--within", min=0, max=2)] = 1.5,
        word: Annotated[str, typer.Option("--word")] = "mine",
        empty: Annotated[str, typer.Option("--empty")] = "",
        switch: Annotated[bool, typer.Option("--switch")] = False,
        needed: Annotated[int, typer.Option("--needed", min=5)] = ...,
    ) -> None: ...

    @app.command()
    def other() -> None: ...

    [command] = [one for one in commands(app) if one.name == "one"]
    assert command.row.endswith(
        "| `--least` (from 1, default 3) `--within` (0 to 2, default 1.5) `--word` (default mine)"
        " `--empty` `--switch` `--needed` (from 5) |"
    )


def test_help_lists_every_command_with_its_own_text() -> None:
    def texts(app: typer.Typer) -> dict[str, str]:
        commands: dict[str, Any] = getattr(get_command(app), "commands")  # noqa: B009
        return {name: command.help or "" for name, command in commands.items()}

    assert texts(overview()) == texts(WHOLE)


def test_a_start_builds_only_what_is_called() -> None:
    only = commands(command_line(["rollback"]))
    assert {command.name for command in only} == {"rollback", "rollback plan"}
    assert called(["--config-file", "up", "rollback", "plan"]) == ["rollback"]
    for arguments in ([], ["--help"], ["weather"], ["--config-file"]):
        assert called(arguments) == []
