"""No update loses a store of data unless its plan was shown and the loss confirmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.deploy import deployment as deployment_module
from ops.deploy.deployment import Deployment
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import GateClosed
from tests.ops.contexts import context_of

D1 = "urn:pulumi:dev::p::app:Stores$cloudflare:index/d1Database:D1Database::database"


class Driver:
    """A stack whose next update does one step, and notes whether it was made."""

    def __init__(self, operation: str) -> None:
        self._steps = ((operation, D1),)
        self.messages: list[str] = []

    def preview(self, _: object) -> StackUpdate:
        return StackUpdate("preview", {}, steps=self._steps)

    def up(self, _: object, *, message: str) -> StackUpdate:
        self.messages.append(message)
        return StackUpdate("update", {})


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  notification-system:logLevel: info\n")
    return Deployment(context_of(tmp_path, "dev"))


@pytest.mark.parametrize("operation", ["delete", "replace", "create-replacement"])
def test_an_update_that_loses_a_store_is_refused_before_it_begins(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    driver = Driver(operation)
    monkeypatch.setattr(deployment_module, "choose_driver", lambda _: driver)
    with pytest.raises(GateClosed, match="replaces the D1 database 'database' of 'dev'") as closed:
        deployment.update("Rollback")
    assert "nothing was changed" in str(closed.value)
    assert driver.messages == []
    deployment.update("Confirmed before", is_planned=True)
    assert driver.messages == ["Confirmed before"]


def test_an_update_that_loses_nothing_goes_on(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = Driver("update")
    monkeypatch.setattr(deployment_module, "choose_driver", lambda _: driver)
    deployment.update("Rollback")
    assert driver.messages == ["Rollback"]
