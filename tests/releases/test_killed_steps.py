"""Every step of a deployment and of a rollback is killed once; the same command again ends well."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.releases.stage import Stage

pytestmark = [pytest.mark.workerd, pytest.mark.soak]
_LINE = re.compile(r"^(?:[✓✗]|\s+[+~>±-]) (?P<what>[^(0-9]+)")
AT_LEAST = {"up": 12, "deploy": 15, "rollback": 4}
"""Moments that a command has at the least: fewer would say that its lines were read wrongly."""


def moments(text: str) -> Iterator[str]:
    """Yield what begins each line that a command shows of its steps, every beginning once."""
    seen: set[str] = set()
    for line in text.splitlines():
        if not (found := _LINE.match(line)):
            continue
        what = found["what"].strip()
        if line[found.end() : found.end() + 1].isdigit():
            # The word that ends in a number is an id of this run.
            what = what.rpartition(" ")[0]
        if what not in seen:
            seen.add(what)
            yield what


def arguments(command: str) -> tuple[str, ...]:
    return (
        ("rollback", "--yes", "--reason", "a kill", "--health-pause", "0")
        if (command == "rollback")
        else (command,)
    )


def converges(stage: Stage, command: str, moment: str) -> None:
    again = stage.ctl(*arguments(command))
    assert again.returncode == 0, f"{command} after a kill at '{moment}': {again.stderr}"
    assert "Traceback" not in again.stderr + again.stdout
    clean = stage.ctl("preview", "--expect-no-changes")
    assert clean.returncode == 0, f"{command} after a kill at '{moment}': {clean.stdout}"
    assert stage.ctl("verify", "--health-pause", "0").returncode == 0, moment
    assert list(stage.serving().values()) == [100], moment


@pytest.mark.parametrize("command", ["up", "deploy"])
def test_a_deployment_that_is_killed_at_any_step_goes_on(stage: Stage, command: str) -> None:
    stage.change(f"a first {command}")
    whole = stage.ctl(command)
    assert whole.returncode == 0, whole.stderr
    found = list(moments(whole.stdout))
    assert len(found) >= AT_LEAST[command], whole.stdout
    for number, moment in enumerate(found):
        stage.change(f"{command} {number}")
        stage.kill_after([moment], command)
        converges(stage, command, moment)


def test_a_rollback_that_is_killed_at_any_step_goes_on(stage: Stage) -> None:
    stage.change("a bad one")
    assert stage.ctl("deploy").returncode == 0
    whole = stage.ctl(*arguments("rollback"))
    assert whole.returncode == 0, whole.stderr
    found = list(moments(whole.stdout))
    assert len(found) >= AT_LEAST["rollback"], whole.stdout
    for number, moment in enumerate(found):
        stage.change(f"another bad one {number}")
        bad = stage.json("deploy")["version_id"]
        stage.kill_after([moment], *arguments("rollback"))
        converges(stage, "rollback", moment)
        assert bad not in stage.serving(), moment
