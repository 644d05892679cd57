"""The whole program's state goes from the embedded engine to the real CLI and back, unchanged."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.older_plugin import fit_to_plugin
from tests.installation import Installation

_TOOLS = ("pulumi", "pulumi-resource-cloudflare")
pytestmark = [
    pytest.mark.real_pulumi,
    pytest.mark.workerd,
    pytest.mark.skipif(
        not all(map(shutil.which, _TOOLS)), reason="there is no pulumi with its plugin on PATH"
    ),
]
UP = ("up", "--stack", "local", "--skip-verify")


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    assert made.ctl("local", "start").returncode == 0
    [zone] = made.control("GET", "/client/v4/zones").json()["result"]
    made.configure(
        {
            "testClock": True,
            "customDomain": f"notify.{zone['name']}",
            "routePattern": f"api.{zone['name']}/notify*",
            "zoneId": zone["id"],
        }
    )
    yield made
    made.close()


def with_engine(installation: Installation, engine: str) -> Installation:
    installation.environment["NOTIFYCTL_ENGINE"] = engine
    return installation


def test_each_engine_finds_nothing_to_change_in_what_the_other_deployed(both: Installation) -> None:
    ours = with_engine(both, "embedded").ctl_json(*UP)
    assert ours["changes"]["create"] > 15
    fit_to_plugin(both.home / "pulumi/.pulumi/stacks/notification-system/local.json")

    theirs = with_engine(both, "cli").ctl_json(*UP)
    assert set(theirs["changes"]) == {"same"}, theirs["changes"]
    refreshed = both.ctl_json("refresh", "--stack", "local")
    assert set(refreshed["changes"]) == {"same"}, refreshed["changes"]

    again = with_engine(both, "embedded").ctl_json(*UP)
    assert set(again["changes"]) == {"same"}, again["changes"]
    refreshed = both.ctl_json("refresh", "--stack", "local")
    assert set(refreshed["changes"]) == {"same"}, refreshed["changes"]

    gone = with_engine(both, "cli").ctl("destroy", "--stack", "local", "--yes")
    assert gone.returncode == 0, gone.stderr
    path = "/client/v4/accounts/00000000000000000000000000000001/"
    for listing in ("d1/database", "storage/kv/namespaces", "queues", "workers/workers"):
        assert both.control("GET", path + listing).json()["result"] == []
