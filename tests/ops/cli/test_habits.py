"""What people type at any command line is understood, or leads to the command that they want."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ops.cli.command_reference import commands
from ops.cli.habits import flowing, to_complete, understood
from ops.cli.main import COMMANDS, command_line, overview, stack_in
from ops.stacks.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
NOTIFYCTL = ROOT / ".venv" / "bin" / "notifyctl"


def notifyctl(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(NOTIFYCTL), *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_help_is_asked_for_in_every_usual_way() -> None:
    told = notifyctl("--help")
    assert "Usage: notifyctl" in told.stdout
    for way in (["-h"], ["help"]):
        assert notifyctl(*way).stdout == told.stdout
    of_command = notifyctl("db", "backup", "--help")
    assert notifyctl("help", "db", "backup").stdout == of_command.stdout
    assert notifyctl("db", "backup", "-h").stdout == of_command.stdout
    assert of_command.returncode == 0


def test_the_version_is_told_as_a_command_too() -> None:
    assert understood(["version"]) == ["--version"]
    assert understood(["logs", "--user", "help"]) == ["logs", "--user", "help"]
    assert understood([]) == []


def test_another_tools_word_leads_to_ours() -> None:
    done = notifyctl("stop")
    assert done.returncode == 2
    assert "'notifyctl local stop'" in done.stderr


OURS = {
    **dict.fromkeys(("stop", "down"), "local stop"),
    **dict.fromkeys(("start", "init", "install"), "up --stack local"),
    "ps": "status",
    "ls": "logs",
    **dict.fromkeys(("remove", "delete"), "destroy --stack STACK"),
    "undo": "rollback --stack STACK",
    "config": "settings check",
    "backup": "db backup",
    "restore": "db restore",
    "migrate": "db migrate",
    **dict.fromkeys(("retry", "resend"), "notifications retry"),
}


@pytest.mark.parametrize("word", OURS)
def test_every_other_word_leads_to_a_command_that_exists(word: str) -> None:
    assert word not in COMMANDS
    with pytest.raises(UsageError, match=f"There is no command '{word}'\\. ") as told:
        understood([word])
    command = str(told.value).partition("'notifyctl ")[2].partition("'")[0]
    assert command == OURS[word]
    assert command.partition(" --")[0] in {each.name for each in commands(command_line())}


@pytest.mark.parametrize(("typed", "meant"), [("stats", "status"), ("deplyo", "deploy")])
def test_a_misspelt_command_is_answered_with_the_one_that_is_meant(typed: str, meant: str) -> None:
    done = notifyctl(typed)
    assert done.returncode == 2
    assert f"'{meant}'" in done.stderr


def completed(line: str) -> list[str]:
    found = notifyctl(
        _NOTIFYCTL_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(line.count(" "))
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.split()


def test_the_tab_key_completes_commands_groups_and_options() -> None:
    assert completed("notifyctl st") == ["status"]
    assert completed("notifyctl keys ro") == ["rotate"]
    assert "--status" in completed("notifyctl logs --st")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_read_its_script(shell: str) -> None:
    done = notifyctl("completion", shell)
    assert done.returncode == 0
    assert "_NOTIFYCTL_COMPLETE" in done.stdout
    if program := shutil.which(shell):
        checked = subprocess.run([program, "-n"], input=done.stdout, text=True, check=False)
        assert checked.returncode == 0


def test_only_the_words_before_the_one_being_typed_decide() -> None:
    assert to_complete({}) is None
    asked = {"_NOTIFYCTL_COMPLETE": "complete_bash"}
    assert to_complete({**asked, "COMP_WORDS": "notifyctl sta"}) == []
    assert to_complete({**asked, "COMP_WORDS": "notifyctl keys ro"}) == ["keys"]
    assert to_complete({**asked, "_TYPER_COMPLETE_ARGS": "notifyctl keys "}) == ["keys"]


def test_help_is_wrapped_by_the_terminal_and_not_by_its_source() -> None:
    assert flowing("One\n    line.\n\n    And a\n    second.") == "One line.\n\nAnd a second."
    for command in commands(command_line()):
        assert "\n" not in command.help.replace("\n\n", ""), command.name


def test_earlier_names_stay_out_of_the_list() -> None:
    shown = CliRunner().invoke(overview(), ["--help"]).output
    assert "adopt" not in shown
    assert "import" in shown


def test_reading_commands_take_the_local_stack_and_changing_ones_have_to_be_told() -> None:
    changing = {"up", "deploy", "destroy", "refresh", "unlock", "rollback", "import"} | {"recover"}
    demands = set()
    app = typer.main.get_command(command_line())
    for name, command in app.commands.items():  # type: ignore[attr-defined]
        for option in command.params:
            if "--stack" in option.opts and (option.required or option.default is None):
                demands.add(name)
    assert demands - {"adopt"} <= changing
    assert {"up", "deploy", "destroy"} <= demands


@pytest.mark.parametrize(
    ("line", "environment", "stack"),
    [
        ("up --stack production --skip-verify", {}, "production"),
        ("up --stack=staging", {"NOTIFYCTL_STACK": "development"}, "staging"),
        ("deploy -s production --canary", {}, "production"),
        ("up --skip-verify", {"NOTIFYCTL_STACK": "development"}, "development"),
        ("up --stack", {}, "local"),
        ("", {}, "local"),
    ],
)
def test_the_stack_is_known_to_what_is_said_of_an_interruption(
    line: str, environment: dict[str, str], stack: str
) -> None:
    assert stack_in(line.split(), environment) == stack
