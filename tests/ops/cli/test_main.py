"""Every end of a command line is a sentence and an exit code, whatever ended it."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from ops.cli import main
from ops.cli.main import COMMANDS, HIDDEN, called, overview, stack_in
from ops.stacks.errors import (
    DriftFound,
    GateClosed,
    OperationError,
    ServiceError,
    StackFailed,
    ToolMissing,
    UsageError,
    VerificationFailed,
)
from ops.stacks.interruption import Interruption

Ended = Callable[..., tuple[int, str]]


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ended:
    """Run a command line whose command ends in some way, and tell the code and what was said."""

    def run(
        end: BaseException | None = None,
        *arguments: str,
        heard: signal.Signals | None = None,
        failure: OSError | None = None,
    ) -> tuple[int, str]:
        def app(_: object, *, obj: Interruption) -> None:
            obj.signal = heard
            if end is not None:
                raise end

        monkeypatch.setattr(sys, "argv", ["notifyctl", *(arguments or ("up", "--stack", "dev"))])
        monkeypatch.setattr(main, "command_line", lambda _: app)
        output = SimpleNamespace(failure=failure)
        monkeypatch.setattr(main, "outlive_readers", lambda *, stop: output)
        monkeypatch.setattr(Interruption, "listening", lambda *_, hangup: nullcontext())
        with pytest.raises(SystemExit) as caught:
            main.run()
        code = caught.value.code
        return (code if isinstance(code, int) else 0), capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (OperationError, 1),
        (UsageError, 2),
        (ToolMissing, 3),
        (StackFailed, 4),
        (VerificationFailed, 5),
        (ServiceError, 6),
        (DriftFound, 7),
        (GateClosed, 8),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(
    ended: Ended, kind: type[OperationError], code: int
) -> None:
    assert ended(kind("It failed.\x1b[31m")) == (code, "error: It failed.\\x1b[31m\n")


def test_what_was_interrupted_ends_by_the_signal_and_says_how_to_go_on(ended: Ended) -> None:
    code, said = ended(KeyboardInterrupt(), heard=signal.SIGTERM)
    assert code == 143
    assert "interrupted. Run the same command again to continue" in said
    assert "'notifyctl recover --stack dev'" in said
    assert ended(SystemExit(130), heard=signal.SIGINT)[0] == 130
    # An engine takes the exception for its own, and tells a failure.
    assert ended(StackFailed("It was cut off."), heard=signal.SIGINT)[0] == 130


def test_a_command_that_only_asks_has_nothing_to_recover(ended: Ended) -> None:
    for command in ("logs", "send", "users", "templates", "cost"):
        code, said = ended(KeyboardInterrupt(), command, heard=signal.SIGINT)
        assert (code, said) == (130, "error: interrupted.\n")
    assert set(main.COMMANDS) >= main._ONLY_ASK


def test_a_command_that_takes_the_signal_for_its_end_has_done_its_work(ended: Ended) -> None:
    assert ended(SystemExit(0), heard=signal.SIGINT) == (0, "")
    assert ended(SystemExit(3)) == (3, "")


def test_an_output_that_could_not_be_written_fails_what_did_its_work(ended: Ended) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    code, said = ended(SystemExit(0), failure=full)
    assert (code, "can't be written: No space left on device" in said) == (1, True)
    assert ended(SystemExit(5), failure=full) == (5, "")


def test_a_full_disk_is_told_as_such(ended: Ended) -> None:
    code, said = ended(OSError(errno.ENOSPC, "No space left on device", "/x"))
    assert (code, said) == (
        1,
        "error: the disk is full. Free some room and run the same command again.\n",
    )


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOENT, errno.EISDIR])
def test_a_file_that_cannot_be_used_is_named_without_a_traceback(ended: Ended, number: int) -> None:
    error = OSError(number, "It is so", "/gone/report.md")
    code, said = ended(error)
    assert (code, said.startswith("error: /gone/report.md can't be used: It is so. ")) == (1, True)


def test_an_error_that_names_no_file_is_a_fault_of_ours(ended: Ended) -> None:
    with pytest.raises(OSError, match="odd"):
        ended(OSError(errno.EBADF, "odd"))


def test_a_service_that_gives_no_answer_leads_to_another_command(ended: Ended) -> None:
    silent = ServiceError("It gave no answer.", unanswered=True)
    assert ended(silent)[1].endswith("Look for the reason: notifyctl status\n")
    assert ended(silent, "status")[1].endswith("Look for the reason: notifyctl diagnose\n")


def test_another_tools_word_is_answered_with_ours(ended: Ended) -> None:
    code, said = ended(None, "ps")
    assert (code, said) == (
        2,
        "error: There is no command 'ps'. What runs is shown by 'notifyctl status'.\n",
    )


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["up", "--stack", "dev"], ["up"]),
        (["--config-file", "up", "logs"], ["logs"]),
        (["--version"], []),
        (["nonsense", "up"], []),
        ([], []),
        (["-x", "db", "studio"], ["db"]),
    ],
)
def test_the_command_is_the_first_word_that_is_no_option(
    arguments: list[str], name: list[str]
) -> None:
    assert called(arguments) == name


@pytest.mark.parametrize(
    ("arguments", "stack"),
    [
        (["up", "--stack", "dev"], "dev"),
        (["up", "-s", "dev"], "dev"),
        (["up", "--stack=dev"], "dev"),
        (["up", "--stack"], "of-the-environment"),
        (["up"], "of-the-environment"),
    ],
)
def test_the_stack_is_read_before_the_command_is(arguments: list[str], stack: str) -> None:
    assert stack_in(arguments, {"NOTIFYCTL_STACK": "of-the-environment"}) == stack
    assert stack_in(["up"], {}) == "local"


def test_the_overview_has_every_command_with_its_text_and_hides_earlier_names() -> None:
    commands = {each.name: each for each in overview().registered_commands}
    assert set(commands) == set(COMMANDS)
    assert {name for name, each in commands.items() if each.hidden} == HIDDEN
    assert all(each.help for each in commands.values())
    # A group's text stands where the group is made, a command's in its docstring.
    whole: Any = get_command(main.command_line(["db", "up"]))
    for name in ("db", "up"):
        assert commands[name].help == whole.commands[name].help


@pytest.mark.parametrize(
    ("arguments", "endless"),
    [
        (["tail"], True),
        (["tail", "--stack", "dev"], True),
        (["dev", "-p", "0"], True),
        (["db", "studio"], True),
        (["--config-file", "x", "db", "studio"], True),
        (["db", "status"], False),
        (["up", "-s", "tail"], False),
        ([], False),
    ],
)
def test_what_follows_something_ends_with_its_terminal_and_its_reader(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], endless: bool
) -> None:
    told: list[bool] = []

    def output(*, stop: bool) -> Any:
        told.append(stop)
        return SimpleNamespace(failure=None)

    def listening(_: Interruption, *, hangup: bool) -> Any:
        told.append(hangup)
        return nullcontext()

    monkeypatch.setattr(sys, "argv", ["notifyctl", *arguments])
    monkeypatch.setattr(main, "outlive_readers", output)
    monkeypatch.setattr(Interruption, "listening", listening)
    for made in ("command_line", "overview"):
        monkeypatch.setattr(main, made, lambda *_: lambda *_, **__: None)
    main.run()
    assert told == [endless, endless]


def test_the_version_is_printed_and_nothing_is_run() -> None:
    result = CliRunner().invoke(overview(), ["--version"])
    assert (result.exit_code, result.output) == (0, f"{version('notification-system')}\n")


@pytest.mark.parametrize(
    ("given", "variable", "expected"),
    [([], None, None), (["--config-file", "a.yaml"], "b.yaml", "a.yaml"), ([], "b.yaml", "b.yaml")],
)
def test_how_it_was_called_is_known_to_every_command(
    monkeypatch: pytest.MonkeyPatch, given: list[str], variable: str | None, expected: str | None
) -> None:
    seen: list[Any] = []
    monkeypatch.delenv("NOTIFYCTL_CONFIG_FILE", raising=False)
    if variable is not None:
        monkeypatch.setenv("NOTIFYCTL_CONFIG_FILE", variable)
    monkeypatch.setenv("A_VARIABLE", "a value")
    app = typer.Typer()
    app.callback()(main.main)

    @app.command()
    def look(run: typer.Context) -> None:
        seen.append(run.obj)

    assert CliRunner().invoke(app, [*given, "look"]).exit_code == 0
    (invocation,) = seen
    assert invocation.config_file == (None if expected is None else Path(expected))
    assert invocation.environment["A_VARIABLE"] == "a value"
    interruption = Interruption()
    CliRunner().invoke(app, ["look"], obj=interruption)
    assert seen[-1].interruption is interruption


@pytest.mark.parametrize(
    "message",
    ["Cloudflare refused to create the queue (403).", "It failed with 404."],
)
def test_a_call_that_is_not_allowed_names_the_permission(
    monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    monkeypatch.setattr("infra.access.calls.refusal_advice", lambda text: f"Advice for {text}")
    told = main._advised(OperationError(message), "up")
    assert told == (f"{message}\nAdvice for {message}" if "403" in message else message)
    monkeypatch.setattr("infra.access.calls.refusal_advice", lambda _: "")
    assert main._advised(OperationError(message), "up") == message


@pytest.mark.parametrize(
    ("terminal", "variables", "coloured"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {"NO_COLOR": "", "TERM": "xterm"}, True),
    ],
)
def test_an_error_is_red_on_a_terminal_that_takes_colour(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, variables: dict[str, str], coloured: bool
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    written: list[str] = []
    monkeypatch.setattr(
        sys, "stderr", SimpleNamespace(isatty=lambda: terminal, write=written.append)
    )
    main._say("it failed")
    mark = "\033[31merror:\033[0m" if coloured else "error:"
    assert written == [f"{mark} it failed\n"]
