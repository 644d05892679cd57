"""The whole program under the real CLI and plugins, and its state handed to and fro, unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import installation
from tests.engine.older_plugin import fit_to_plugin
from tests.installation import Installation
from tests.integration.test_deploy_access import SETTINGS as ACCESS
from tests.real_cli import providers

pytestmark = [
    pytest.mark.real_pulumi,
    pytest.mark.workerd,
]
UP = ("up", "--stack", "local", "--skip-verify")
LISTINGS = ("d1/database", "storage/kv/namespaces", "queues", "workers/workers", "workers/domains")


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "LIMIT", 900)  # The real plugins take their time.


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    assert made.ctl("local", "start").returncode == 0
    made.configure(addresses(made))
    yield made
    made.close()


def addresses(made: Installation) -> dict[str, Any]:
    """Settings with a domain and a route in the local account's zone."""
    [zone] = made.control("GET", "/client/v4/zones").json()["result"]
    return {
        "testClock": True,
        "customDomain": f"notify.{zone['name']}",
        "routePattern": f"api.{zone['name']}/notify*",
        "zoneId": zone["id"],
    }


def with_engine(made: Installation, engine: str) -> Installation:
    made.environment |= {"NOTIFYCTL_ENGINE": engine, **providers()}
    return made


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

    destroy(with_engine(both, "cli"))


def test_the_real_cli_and_plugin_carry_the_whole_program_from_nothing_to_nothing(
    both: Installation,
) -> None:
    with_engine(both, "cli")
    first = both.up()  # with its smoke test, migrations, console, and the verification
    assert first["changes"]["create"] > 15
    assert both.up()["changed"] == 0
    assert both.ctl_json("refresh", "--stack", "local")["changed"] == 0

    both.configure({**addresses(both), "logLevel": "warn"})
    changed = both.up()
    assert changed["version_id"] != first["version_id"]
    assert both.up()["changed"] == 0
    destroy(both)


def test_each_engine_finds_nothing_to_change_in_the_access_that_the_other_made(
    tmp_path: Path,
) -> None:
    made = Installation(tmp_path, settings=ACCESS)
    try:
        for first, second in (("embedded", "cli"), ("cli", "embedded")):
            report = with_engine(made, first).ctl_json(*UP)
            assert report["changes"]["create"] > 20
            for engine in (second, first):
                again = with_engine(made, engine).ctl_json(*UP)
                assert set(again["changes"]) == {"same"}, again["changes"]
                refreshed = made.ctl_json("refresh", "--stack", "local")
                assert set(refreshed["changes"]) == {"same"}, refreshed["changes"]
            gone = with_engine(made, second).ctl("destroy", "--stack", "local", "--yes")
            assert gone.returncode == 0, gone.stderr
            left = made.control("GET", "/local/state").json()
            assert {name: count for name, count in left.items() if count} == {}
    finally:
        made.close()


def destroy(made: Installation) -> None:
    gone = made.ctl("destroy", "--stack", "local", "--yes")
    assert gone.returncode == 0, gone.stderr
    path = "/client/v4/accounts/00000000000000000000000000000001/"
    for listing in LISTINGS:
        assert made.control("GET", path + listing).json()["result"] == []
