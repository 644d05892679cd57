"""The local cloud is asked before a command looks at it, and its errors are the command's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localcloud.errors import LocalCloudError
from ops.stacks import local_cloud
from ops.stacks.console import Reporter
from ops.stacks.errors import OperationError, ServiceError
from ops.stacks.local_cloud import (
    erase_local_state,
    require_local_cloud,
    start_local_cloud,
    stop_local_cloud,
)
from ops.stacks.project import Project

QUIET = Reporter(quiet=True)


class Cloud:
    """A cloud in one state, which refuses to change it."""

    def __init__(self, state: str, *, refuses: bool = True) -> None:
        self._state = state
        self._refuses = refuses

    def status(self) -> dict[str, Any]:
        return {"state": self._state}

    def start(self, **_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._refuses:
            raise LocalCloudError("The port 8787 is taken.")

    erase = stop


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(root=tmp_path, home=tmp_path / "home")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("stopped", "doesn't run, so there is nothing to look at"),
        ("starting", "is starting: it runs but doesn't answer yet"),
        ("unhealthy", "is unhealthy: it runs but doesn't answer yet"),
    ],
)
def test_a_cloud_that_does_not_answer_is_told_and_not_started(
    project: Project, monkeypatch: pytest.MonkeyPatch, state: str, words: str
) -> None:
    monkeypatch.setattr(local_cloud, "_cloud", lambda _: Cloud(state))
    with pytest.raises(ServiceError, match=words) as refused:
        require_local_cloud(project, "local")
    assert "notifyctl local start" in str(refused.value)
    monkeypatch.setattr(local_cloud, "_cloud", lambda _: Cloud("ready"))
    require_local_cloud(project, "local")


def test_what_the_cloud_refuses_ends_the_command_in_its_words(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_cloud, "_cloud", lambda _: Cloud("stopped"))
    for action in (start_local_cloud, stop_local_cloud, erase_local_state):
        with pytest.raises(OperationError, match=r"^The port 8787 is taken\.$"):
            action(project, QUIET)


def test_erasing_takes_state_and_passphrase_and_leaves_what_is_not_the_stacks(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("pulumi", "stack", "states", "reports"):
        (project.home / name).mkdir(parents=True)
    project.passphrase_file.write_text("x")
    monkeypatch.setattr(local_cloud, "_cloud", lambda _: Cloud("ready", refuses=False))
    erase_local_state(project, QUIET)
    assert [path.name for path in project.home.iterdir()] == ["reports"]
    erase_local_state(project, Reporter())
    assert "'make clean' removes what was installed" in capsys.readouterr().out
