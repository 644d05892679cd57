"""An earlier service's account taken over by a stack of three databases, and lent to a review."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from notification.placement import shard_of
from tests.integration.adopted_account import SETTINGS, WORKER, AdoptedAccount

pytestmark = [pytest.mark.workerd, pytest.mark.soak]


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdoptedAccount]:
    with AdoptedAccount.made(tmp_path_factory.mktemp("spread"), shards=3) as found:
        yield found


def databases(account: AdoptedAccount) -> dict[str, str]:
    """The ids of the account's databases by name."""
    return {one["name"]: one["uuid"] for one in account.call("GET", "d1/database")}


def rows(account: AdoptedAccount, sql: str) -> list[list[dict[str, Any]]]:
    """The rows of each of the stack's databases."""
    listed = account.installation.outputs()["d1_databases"]
    return [
        account.call("POST", f"d1/database/{one['id']}/query", {"sql": sql})[0]["results"]
        for one in listed
    ]


@pytest.mark.requirement("S0-15", "S0-16", "C-0.28")
def test_what_the_earlier_service_left_is_taken_over_and_spread(spread: AdoptedAccount) -> None:
    named = databases(spread)
    assert sorted(named) == [WORKER, f"{WORKER}_shard_1", f"{WORKER}_shard_2"]
    assert named[WORKER] == spread.ids["database"]
    found = rows(spread, "SELECT user_id, config_data FROM user_configs ORDER BY user_id")
    assert sum(map(len, found)) == 4
    for shard, configs in enumerate(found):
        for row in configs:
            assert shard_of(row["user_id"], 3) == shard
            assert row["config_data"].startswith("enc:v2:")
    assert found[1] or found[2]
    tables = rows(spread, "SELECT name FROM sqlite_master WHERE name LIKE 'earlier%'")
    assert tables == [[], [], []]
    with spread.installation.service() as service:
        logs = service.result("GET", "/api/notification-logs")
    assert logs["data"]["total"] == 6

    made = spread.installation
    again = made.ctl_json("up", "--stack", "local", "--skip-verify")
    assert set(again["changes"]) == {"same"}, again["changes"]
    assert made.ctl_json("import", "--stack", "local", "--yes")["adopt"] == []


@pytest.mark.requirement("S0-67", "S0-107")
def test_a_pull_request_has_databases_of_its_own_and_leaves_none(spread: AdoptedAccount) -> None:
    made, before = spread.installation, databases(spread)
    assert made.ctl("preview", "--stack", "local", "--expect-no-changes").returncode == 0
    name = "notification-system-pr-7"
    for _ in range(2):
        first = made.ctl_json("pr", "up", "7", "--from", "local", "--skip-verify")
        assert first["stack"] == "pr-7"
        added = databases(spread).keys() - before.keys()
        assert added == {name, f"{name}_shard_1", f"{name}_shard_2"}
    kept = made.ctl_json("pr", "sweep", "--from", "local", "--open", "7,12")
    assert (kept["kept"], kept["removed"]) == (["pr-7"], [])
    gone = made.ctl_json("pr", "destroy", "7", "--from", "local")
    assert gone["removed"] is True
    assert databases(spread) == before
    assert len(spread.call("GET", "workers/workers")) == 1
    assert len(spread.call("GET", "queues")) == 2
    assert [path.name for path in made.home.rglob("*pr-7*")] == []
    for sql in ("SELECT user_id FROM user_configs", "SELECT id FROM notification_logs"):
        assert sum(map(len, rows(spread, sql))) > 3


@pytest.mark.requirement("S0-16")
def test_a_stack_whose_state_is_lost_is_imported_with_all_its_databases(
    spread: AdoptedAccount,
) -> None:
    made, before = spread.installation, databases(spread)
    people = rows(spread, "SELECT user_id FROM user_configs ORDER BY user_id")
    shutil.rmtree(made.home / "pulumi")
    made.configure({**SETTINGS, "shards": 2})
    refused = made.ctl("import", "--stack", "local", "--yes", "--skip-verify")
    assert refused.returncode == 8, refused.stdout + refused.stderr
    assert "Set shards to 3" in refused.stderr
    # What no provider can import is named by the operator.
    taken = {"takeOver": [SETTINGS["customDomain"], SETTINGS["routePattern"]]}
    made.configure({**SETTINGS, **taken, "shards": 3})
    report = made.ctl_json("import", "--stack", "local", "--yes", "--skip-verify")
    assert {item["id"] for item in report["adopt"]} >= set(before.values())
    assert report["deployment"]["changes"]["import"] == 7
    assert databases(spread) == before
    assert rows(spread, "SELECT user_id FROM user_configs ORDER BY user_id") == people
    again = made.ctl_json("up", "--stack", "local", "--skip-verify")
    assert set(again["changes"]) == {"same"}, again["changes"]


def test_a_whole_stack_of_several_databases_goes_at_once(spread: AdoptedAccount) -> None:
    gone = spread.installation.ctl("destroy", "--stack", "local", "--yes")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert databases(spread) == {}
