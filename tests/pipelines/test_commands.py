"""Every notifyctl command of the workflows is there, with the options that they give it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.docs.command_line import commands_of, mistake_in
from tests.pipelines.runner import Runner
from tests.pipelines.workflow import NAMES, Workflow

RECORDER = """#!/bin/sh
python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@" >>"$RECORDED"
"""


@pytest.mark.parametrize("name", NAMES)
def test_every_command_and_option_is_there(name: str) -> None:
    commands = [
        command
        for _, step in Workflow.read(name).steps()
        for command in commands_of(step.get("run", ""))
        if command[0] == "notifyctl" and "$@" not in command
    ]
    assert commands or name == "rollback"
    assert [mistake for command in commands if (mistake := mistake_in(command))] == []


@pytest.mark.requirement("S4-06")
@pytest.mark.parametrize(
    ("version", "reason", "plan_only", "arguments"),
    [
        ("", "", True, ["--reason", "", "--plan-only"]),
        ("v1 $(id)", 'it\'s "late"', False, None),
        ("18f97339", "x", False, ["--reason", "x", "--to", "18f97339", "--yes", "--commit"]),
    ],
)
def test_a_rollback_hands_on_what_was_typed_as_it_was_typed(
    tmp_path: Path, version: str, reason: str, plan_only: bool, arguments: list[str] | None
) -> None:
    recorder = tmp_path / "notifyctl"
    recorder.write_text(RECORDER)
    recorder.chmod(0o755)
    surroundings = {"RECORDED": str(tmp_path / "recorded"), "HOME": str(tmp_path)}
    runner = Runner(tmp_path, surroundings, tmp_path, first_on_path=tmp_path)
    inputs = {"version": version, "reason": reason, "plan_only": plan_only}
    (tmp_path / "git").symlink_to("/bin/true")
    contexts = {"inputs": inputs, "vars": {"STACK": "production"}, "secrets": {}}

    ran = runner.run(Workflow.read("rollback"), "rollback", "Roll back", contexts)

    assert ran.code == 0, ran.text
    [line] = (tmp_path / "recorded").read_text().splitlines()
    given = json.loads(line)
    if arguments is None:
        arguments = ["--reason", reason, "--to", version, "--yes", "--commit"]
    assert given == ["rollback", "--stack", "production", *arguments]
    assert mistake_in(["notifyctl", *given]) is None
