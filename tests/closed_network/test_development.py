"""A stack that isn't local lives its life with the real CLI, by the docs, in a closed network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.closed_network.network import IN_A_CLOSED_NETWORK
from tests.closed_network.operator import LOGS, Operator
from tests.closed_network.world import SUBDOMAIN

pytestmark = [*IN_A_CLOSED_NETWORK]

MAX_PLAN_CHARACTERS = 8_000
"""What `pulumi preview --diff` may print of a changed module: not a list of all of them."""


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    with Operator.at_work(tmp_path) as made:
        yield made


def test_development_comes_stays_changes_goes_back_and_goes(operator: Operator) -> None:
    assert shutil.which("pulumi")
    operator.set_up()

    first = operator.json("up")
    assert first["changes"]["create"] > 15
    assert first["service_url"].endswith(f".{SUBDOMAIN}.workers.dev")
    stores = operator.ids()
    assert [len(found) for found in stores.values()] == [1, 1, 2, 1]
    told = operator.ctl("preview", "--stack", "development", "--expect-no-changes")
    assert "Stand-in providers deploy to this machine only (NOTIFYCTL_PROVIDERS)." in told

    operator.release("Another release")
    plan = operator.diff()
    # One module of nearly 200 is shown, by its name and without its text.
    module = LOGS.removeprefix("worker/src/")
    assert re.findall(r'name *: "(notification/\S+)"', plan) == [module]
    assert len(plan) < MAX_PLAN_CHARACTERS
    assert "Another release" not in plan
    assert "import " not in plan
    second = operator.json("up")
    assert second["version_id"] != first["version_id"]

    report = operator.json("rollback", "--yes")
    assert report["version_id"] == first["version_id"]
    operator.ctl("preview", "--stack", "development", "--expect-no-changes")
    assert operator.ids() == stores

    operator.ctl("destroy", "--stack", "development", "--yes")
    assert set(map(len, operator.ids().values())) == {0}
