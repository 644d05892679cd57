"""The program's process: what it is told, what it says, and how its end is read."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine import program
from engine.errors import ProgramFailed
from engine.operation import Operation, RunContext
from engine.program import Program
from engine.report import EngineEvent

SENTENCE = (
    "The Pulumi program failed: {}. What was done before that is kept; correct the program and "
    "run the same command again."
)


class Child:
    """A process of which the test says when and how it ends."""

    code: int | None = None

    def __init__(self, script: str, **settings: Any) -> None:
        self.script, self.settings = script, settings
        self.sent: list[Any] = []
        self.waits: list[float] = []
        self.send = self.sent.append

    def poll(self) -> int | None:
        return self.code

    def wait(self, timeout: float) -> int | None:
        self.waits.append(timeout)
        return self.code


class Stage:
    """A program with its operation and its monitor."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, file: Path, kind: Any = "update") -> None:
        monkeypatch.setattr(program, "ChildProcess", Child)
        self.events: list[EngineEvent] = []
        context = RunContext(
            *(kind, "p", "dev", file.parent, file),
            config={"p:a": "1"},
            secret_keys=frozenset({"p:b", "p:a"}),
            environment={"TOKEN": "t"},
        )
        self.operation = Operation(context, self.events.append)
        self.program = Program(self.operation)
        self.child: Any = self.program._child
        self.monitor: Any = SimpleNamespace(
            address="127.0.0.1:1",
            parallel=16,
            finished_registering=threading.Event(),
            last_error="",
            let_program_end=lambda: None,
        )


@pytest.mark.parametrize(("name", "folder"), [("__main__.py", "."), (".", ".")])
def test_a_program_is_started_in_its_folder_with_what_it_may_know(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, folder: str
) -> None:
    (tmp_path / "__main__.py").touch()
    stage = Stage(monkeypatch, tmp_path / name)
    assert stage.child.script == "program_runner.py"
    stage.child.settings.pop("on_line")
    assert stage.child.settings == {
        "folder": tmp_path / folder,
        "environment": {"TOKEN": "t", "PULUMI_PROJECT": "p"},
    }


@pytest.mark.parametrize("kind", ["update", "preview"])
def test_a_program_is_told_everything_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    stage = Stage(monkeypatch, tmp_path, kind)
    stage.monitor.finished_registering.set()
    stage.program.run(stage.monitor)
    assert stage.child.sent == [
        {
            "monitor": "127.0.0.1:1",
            "engine": "127.0.0.1:1",
            "project": "p",
            "stack": "dev",
            "parallel": 16,
            "dry_run": kind == "preview",
            "root": str(tmp_path.parent),
            "program": str(tmp_path),
            "config": {"p:a": "1"},
            "secret_keys": ["p:a", "p:b"],
        }
    ]


def test_what_a_program_says_is_told_by_where_it_says_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stage = Stage(monkeypatch, tmp_path)
    say = stage.child.settings["on_line"]
    say("out", "stdout")
    say("", "stderr")
    say("err", "stderr")
    told = [(event.message, event.severity) for event in stage.events]
    assert told == [("out", "info"), ("err", "warning")]


@pytest.mark.parametrize(
    ("code", "last_error", "why"),
    [
        (1, "", "it ended with exit code 1; see what it printed above"),
        (0, "", "it ended with exit code 0; see what it printed above"),
        (32, "NameError: x.", "NameError: x"),
    ],
)
def test_a_program_that_ends_before_it_has_registered_everything_has_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, last_error: str, why: str
) -> None:
    stage = Stage(monkeypatch, tmp_path)
    stage.child.code, stage.monitor.last_error = code, last_error
    with pytest.raises(ProgramFailed) as failed:
        stage.program.run(stage.monitor)
    assert str(failed.value) == SENTENCE.format(why)
    assert stage.child.waits == [20.0]


def test_a_steps_failure_is_the_cause_of_a_programs_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stage = Stage(monkeypatch, tmp_path)
    stage.operation.fail("The step failed.")
    stage.program.run(stage.monitor)
    stage.child.code = 1
    stage.program.run(stage.monitor)
    stage.program.finish(stage.monitor)


@pytest.mark.parametrize(("code", "failed"), [(0, False), (None, False), (1, True)])
def test_a_program_that_has_registered_everything_may_still_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int | None, failed: bool
) -> None:
    stage = Stage(monkeypatch, tmp_path)
    stage.child.code = code
    if failed:
        with pytest.raises(ProgramFailed, match="it ended with exit code 1"):
            stage.program.finish(stage.monitor)
    else:
        stage.program.finish(stage.monitor)
    assert stage.child.waits == [20.0]
