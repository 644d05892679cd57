"""The guidelines of clig.dev, point by point: what holds each of them here, over every command.

`HELD` is the table. A value is a test that shows the point, as `file::test`, or the reason why the
point has nothing to say here; what can be seen from the commands themselves is checked below.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import CliRunner

from ops.cli.main import COMMANDS, HIDDEN, command_line, overview

ROOT = Path(__file__).resolve().parents[3]
HERE = "tests/ops/cli/test_conventions.py"
HABITS = "tests/ops/cli/test_habits.py"
CLOSED = "tests/integration/test_closed_output.py"
PRINTING = "tests/ops/cli/test_printing.py"
STATUS = "tests/integration/test_status.py"
TABLES = "tests/ops/stacks/test_tables.py"
STACKS = f"{HABITS}::test_reading_commands_take_the_local_stack_and_changing_ones_have_to_be_told"
STAYS = (
    "tests/ops/cli/test_local_commands_stay_here.py"
    "::test_no_local_command_tries_to_leave_this_machine"
)
HELD = {
    "an argument parser of a library": "typer, for every command",
    "exit codes": (
        f"{CLOSED}::test_a_deployment_whose_output_is_closed_keeps_the_exit_code_of_a_failure"
    ),
    "output on stdout, messages on stderr": f"{HERE}::test_a_mistake_is_told_on_standard_error",
    "help where nothing is given": f"{HERE}::test_a_group_without_a_command_shows_its_help",
    "-h and --help": f"{HERE}::test_every_command_answers_h_and_help_alike",
    "help leads to the documentation": f"{HERE}::test_help_leads_to_the_documentation",
    "examples": f"{HERE}::test_commands_with_several_conditions_show_an_example",
    "common commands first": f"{HABITS}::test_help_is_asked_for_in_every_usual_way",
    "formatted help": f"{HABITS}::test_help_is_wrapped_by_the_terminal_and_not_by_its_source",
    "a guess of what was meant": f"{HABITS}::test_another_tools_word_leads_to_ours",
    "nothing hangs on an interactive stdin": "no command reads what is piped to it",
    "documentation on the web and in the terminal": "tests/docs/test_site.py",
    "man pages": "the help of each command is its page; docs/commands.md has all of them",
    "output for people first": f"{TABLES}::test_times_and_ids_are_whole_in_every_width",
    "output for programs": f"{HERE}::test_whatever_lists_or_reports_has_json",
    "plain rows in a pipe": f"{TABLES}::test_a_file_gets_one_line_for_each_row_however_long",
    "success is told, briefly": "tests/ops/deploy/test_deployment_texts.py",
    "changes of state are told": "tests/ops/deploy/test_deployment_texts.py",
    "the state of the system is easy to see": (
        f"{STATUS}::test_the_screen_of_24_lines_holds_everything"
    ),
    "the next commands are suggested": "tests/ops/deploy/test_deployment_texts.py",
    "actions across the border are explicit": STACKS,
    "colour with intention, and off where it isn't wanted": (
        f"{HERE}::test_colour_is_off_where_nobody_wants_it"
    ),
    "no animation in a pipe": "rich shows its spinner on a terminal alone",
    "symbols where they help": "✓ and ✗ before steps; the words beside them say the same",
    "nothing that only its makers understand": (
        "tests/integration/test_failures.py"
        "::test_a_stack_file_with_three_mistakes_gets_three_messages"
    ),
    "stderr is no log": f"{CLOSED}::test_a_tail_ends_when_nobody_reads_it",
    "a pager": "lists are short by default (--limit)",
    "errors for people, without noise": (
        f"{STATUS}::test_looking_at_a_cloud_that_was_killed_starts_nothing"
    ),
    "unexpected errors": "Python's own traceback, on standard error",
    "flags before arguments": f"{HERE}::test_at_most_one_thing_is_an_argument",
    "long forms of all flags": f"{HERE}::test_every_short_flag_has_a_long_form",
    "one-letter flags mean one thing": f"{HERE}::test_a_letter_means_the_same_everywhere",
    "standard names": f"{HERE}::test_standard_names_mean_what_they_usually_do",
    "defaults for most": STACKS,
    "prompts, and never a prompt alone": (
        "tests/ops/cli/test_confirmation.py::test_without_a_terminal_the_option_is_named"
    ),
    "dangerous things are confirmed": (
        "tests/ops/cli/test_confirmation.py::test_another_text_is_refused_and_shown"
    ),
    "- for standard input": (
        "no command takes a file that is piped; analyze reads what tail has saved"
    ),
    "order of flags": f"{HERE}::test_flags_stand_before_or_after_arguments",
    "no secret in a flag": f"{HERE}::test_no_flag_takes_a_secret",
    "passwords aren't shown": "none is asked for: variables and files hold them",
    "the user can escape": "tests/integration/test_dev.py",
    "consistency across subcommands": f"{HERE}::test_a_letter_means_the_same_everywhere",
    "no ambiguous names": f"{HABITS}::test_earlier_names_stay_out_of_the_list",
    "input is validated": (
        "tests/ops/stacks/test_moment.py::test_what_is_no_time_is_refused_with_its_option"
    ),
    "responsive": (
        "tests/ops/cli/test_command_reference.py::test_a_start_builds_only_what_is_called"
    ),
    "progress": "ops/stacks/console.py: steps as they happen, and a spinner",
    "time-outs": "tests/ops/stacks/test_service.py",
    "recoverable, crash-only": "tests/ops/deploy/test_recovery.py",
    "additive changes, and a warning before others": (
        f"{HABITS}::test_earlier_names_stay_out_of_the_list"
    ),
    "no catch-all, no abbreviations": f"{HERE}::test_a_beginning_of_a_command_is_no_command",
    "no time bomb": STAYS,
    "Ctrl-C": f"{CLOSED}::test_a_deployment_that_is_asked_to_end_keeps_what_it_did",
    "configuration: precedence": "tests/ops/stacks/test_settings_file.py",
    "configuration: XDG": "everything is the project folder's: .local and the stacks' files",
    "environment: names": f"{HERE}::test_variables_have_our_own_names",
    "environment: NO_COLOR, TERM, proxies": f"{HERE}::test_colour_is_off_where_nobody_wants_it",
    "no .env": "stacks' files are the configuration",
    "secrets and the environment": "CLOUDFLARE_API_TOKEN is Pulumi's and the pipelines' own way",
    "the name": "notifyctl: lower case, one word",
    "distribution and removal": "make install, make clean",
    "no analytics": STAYS,
}
WHOLE: Any = typer.main.get_command(command_line())
OVERVIEW: Any = typer.main.get_command(overview())
KEPT = {
    ("-m", "--reason"),
    ("-n", "--requests"),
    ("-c", "--concurrency"),
    ("-f", "--file"),
    ("-v", "--variable"),
}
"""Letters with a second meaning, of rollback, perf, tail and templates: kept for scripts."""
WITHOUT_JSON = frozenset(
    {
        *("completion", "local start", "local stop", "local fault add", "local fault clear"),
        *("db studio", "db generate", "destroy", "bundle", "settings schema", "settings table"),
        *("templates delete", "templates set", "templates show", "users set"),
    }
)
"""Commands whose answer is a script, a file, a document, or nothing but that it was done."""


def leaves(command: Any = WHOLE, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command that isn't a group alone, with its words."""
    inner = getattr(command, "commands", None)
    if not inner:
        yield name, command
        return
    for word, one in sorted(inner.items()):
        if word not in HIDDEN:
            yield from leaves(one, f"{name} {word}".strip())


def flags() -> Iterator[tuple[str, Any]]:
    for name, command in leaves():
        for parameter in command.params:
            if parameter.param_type_name == "option":
                yield name, parameter


@pytest.mark.parametrize("point", HELD)
def test_a_point_is_held_by_a_test_that_exists_or_has_its_reason(point: str) -> None:
    held = HELD[point]
    if not held.startswith("tests/"):
        assert len(held.split()) > 2
        return
    file, _, test = held.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8")
    assert f"def {test}" in text if test else "def test_" in text


def ran(*arguments: str) -> Any:
    return CliRunner().invoke(WHOLE, list(arguments), prog_name="notifyctl")


@pytest.mark.parametrize("name", [name for name, _ in leaves()])
def test_every_command_answers_h_and_help_alike(name: str) -> None:
    short, long = ran(*name.split(), "-h"), ran(*name.split(), "--help")
    assert (short.exit_code, long.exit_code) == (0, 0)
    assert short.output == long.output
    assert f"Usage: notifyctl {name}" in " ".join(short.output.split())


@pytest.mark.parametrize("group", [name for name, place in COMMANDS.items() if ":app" in place])
def test_a_group_without_a_command_shows_its_help(group: str) -> None:
    answer = ran(group)
    assert "Usage: " in answer.output or "Name the stack" in str(answer.exception)
    assert "Missing command" not in answer.output


def test_a_switch_is_off_until_it_is_given() -> None:
    on = {
        (name, flag.opts[0])
        for name, flag in flags()
        if flag.is_flag and flag.default not in (False, None)
    }
    assert on == {("deploy", "--rollback"), ("users set", "--active")}


def test_what_is_looked_at_is_the_local_stack_unless_another_is_named() -> None:
    others = {
        name: flag.default
        for name, flag in flags()
        if "--stack" in flag.opts and flag.default not in ("local", None)
    }
    assert others == {"rollback plan": "production", "pr baseline": "production"}


def test_help_leads_to_the_documentation() -> None:
    assert "docs/README.md" in CliRunner().invoke(OVERVIEW, ["-h"]).output


def test_a_mistake_is_told_on_standard_error() -> None:
    answer = ran("logs", "--nonsense")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "--nonsense" in answer.stderr


def test_commands_with_several_conditions_show_an_example() -> None:
    lacking = [
        name
        for name, command in leaves()
        if len(command.params) >= 9 and "notifyctl" not in (command.help or "")
    ]
    assert set(lacking) <= {"deploy", "up", "check", "send", "notifications retry"}


def test_whatever_lists_or_reports_has_json() -> None:
    lacking = {
        name
        for name, command in leaves()
        if not any("--json" in parameter.opts for parameter in command.params)
    }
    assert lacking <= WITHOUT_JSON, lacking - WITHOUT_JSON


def test_every_short_flag_has_a_long_form() -> None:
    for name, parameter in flags():
        names = [*parameter.opts, *parameter.secondary_opts]
        assert any(one.startswith("--") for one in names), f"{name} {names}"


def test_a_letter_means_the_same_everywhere() -> None:
    meanings: dict[str, set[str]] = defaultdict(set)
    for _, parameter in flags():
        long = next(one for one in parameter.opts if one.startswith("--"))
        for one in parameter.opts:
            if re.fullmatch(r"-\w", one):
                meanings[one] |= {long} if (one, long) not in KEPT else set()
    assert {letter: names for letter, names in meanings.items() if len(names) > 1} == {}


def test_standard_names_mean_what_they_usually_do() -> None:
    shorts = {"-q": "--quiet", "-v": "--verbose", "-f": "--force", "-y": "--yes", "-a": "--all"}
    for name, parameter in flags():
        for short, long in shorts.items():
            if short in parameter.opts and (short, parameter.opts[0]) not in KEPT:
                assert long in parameter.opts, f"{name} {parameter.opts}"


def test_at_most_one_thing_is_an_argument() -> None:
    for name, command in leaves():
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        # The comment's number and the plan that it shows belong to the workflow that calls it.
        assert len(arguments) <= (2 if name == "pr comment" else 1), name


def test_no_flag_takes_a_secret() -> None:
    for name, parameter in flags():
        if parameter.is_flag:
            continue
        # A variable's name, and no value.
        named = re.search(
            r"secret|password|passphrase|api-key|token(?!-variable)", parameter.opts[0]
        )
        assert not named, f"{name} {parameter.opts}"


def test_flags_stand_before_or_after_arguments() -> None:
    for arguments in (["explain", "ada", "-h"], ["explain", "-h", "ada"]):
        assert ran(*arguments).exit_code == 0


def test_a_beginning_of_a_command_is_no_command() -> None:
    answer = CliRunner().invoke(OVERVIEW, ["sta"])
    assert answer.exit_code == 2
    assert "No such command 'sta'" in answer.output


def test_variables_have_our_own_names() -> None:
    for name, parameter in flags():
        variable = parameter.envvar
        if variable is not None:
            assert re.fullmatch(r"NOTIFYCTL_[A-Z_]+", variable), f"{name} {variable}"


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colour_is_off_where_nobody_wants_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], coloured: bool
) -> None:
    from ops.cli import main as command

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert command._has_colour() is coloured
