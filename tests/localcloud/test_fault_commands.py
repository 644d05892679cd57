"""`notifyctl local fault`: the commands and the API that they call."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from ops.cli.main import command_line
from ops.stacks import local_faults
from ops.stacks.project import Project
from tests.localcloud.running_cloud import RunningCloud


@pytest.fixture
def running(cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch) -> RunningCloud:
    """A cloud that the commands take for the local stack's."""
    monkeypatch.setenv("NOTIFICATION_LOCAL_HOME", str(cloud.home.root))
    status = {"control_url": cloud.endpoints.control_url}
    monkeypatch.setattr(local_faults, "local_cloud_status", lambda _: status)
    assert Project.find().home == cloud.home.root
    return cloud


def call(*arguments: str) -> Result:
    """One command below `notifyctl local fault`."""
    return CliRunner().invoke(command_line(), ["local", "fault", *arguments])


def test_a_fault_is_added_listed_and_lifted(running: RunningCloud) -> None:
    assert call("list").output == "no faults\n"
    assert call("add", "d1 500/7500 for 5m").output == "fault 1: d1 500/7500 for 5m\n"
    call("add", "kv html")
    assert running.account("GET", "/d1/database").status_code == 500
    assert "d1 500/7500 for 5m  (1 met it)" in call("list").output
    assert [one["fault"] for one in json.loads(call("list", "--json").output)][1] == "kv html"
    assert call("clear", "1").output == "1 lifted\n"
    assert running.account("GET", "/d1/database").status_code == 200
    assert call("clear").output == "1 lifted\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("add", "sea 500"), "There is no place 'sea'"), (("clear", "9"), "There is no fault 9")],
)
def test_what_the_cloud_refuses_is_told(
    running: RunningCloud, arguments: tuple[str, ...], said: str
) -> None:
    done = call(*arguments)
    assert done.exit_code != 0
    assert said in f"{done.output}{done.exception}"


def test_without_a_local_cloud_the_command_says_how_to_start_it(
    running: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_faults, "local_cloud_status", lambda _: {"state": "stopped"})
    done = call("list")
    assert done.exit_code != 0
    assert "notifyctl local start" in f"{done.output}{done.exception}"
