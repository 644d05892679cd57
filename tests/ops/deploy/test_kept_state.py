"""A refresh keeps the state that it found, since a wrong credential makes it forget everything."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ops.deploy.deployment import Deployment
from ops.stacks.console import Reporter
from ops.stacks.driver import StackUpdate
from ops.stacks.kept_state import KEPT, keep_state
from tests.ops.contexts import context_of

STATE = {"version": 3, "deployment": {"resources": [{"urn": "urn:pulumi:production::p::t::n"}]}}


class Driver:
    """A stack whose account shows nothing to the credential at hand."""

    def __init__(self, kept: Path, forgotten: int) -> None:
        self._kept = kept
        self._forgotten = forgotten
        self.kept_before: list[str] = []

    def export(self) -> Mapping[str, Any]:
        return STATE

    def refresh(self, _: object) -> StackUpdate:
        self.kept_before = [file.read_text() for file in self._kept.glob("*.json")]
        changes = {"delete": self._forgotten} if self._forgotten else {"same": 1}
        return StackUpdate(kind="refresh", changes=changes)


@pytest.mark.requirement("T-5")
@pytest.mark.parametrize("forgotten", [0, 17])
def test_the_state_is_kept_before_the_refresh_and_the_way_back_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    forgotten: int,
) -> None:
    (tmp_path / "Pulumi.production.yaml").write_text("config: {}\n")
    context = context_of(tmp_path, "production", reporter=Reporter())
    driver = Driver(context.project.home / "states" / "production", forgotten)
    asked: list[object] = []
    monkeypatch.setattr("ops.deploy.deployment.introduce", asked.append)
    monkeypatch.setattr("ops.deploy.deployment.choose_driver", lambda *_: driver)

    Deployment(context).refresh()

    assert asked == [context], "whose credential it is is asked before the account is believed"
    [before] = driver.kept_before
    assert json.loads(before) == STATE
    said = "".join(capsys.readouterr()).replace("\n", " ")
    assert ("pulumi stack import --stack production" in said) == bool(forgotten)
    assert ("lost 17" in said) == bool(forgotten)


def test_the_last_states_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    files = [keep_state(tmp_path, "production", {"version": n}) for n in range(KEPT + 3)]
    left = sorted((tmp_path / "states" / "production").iterdir())
    assert left == files[-KEPT:]
    assert json.loads(left[-1].read_text()) == {"version": KEPT + 2}
    assert {stat.S_IMODE(file.stat().st_mode) for file in left} == {0o600}
