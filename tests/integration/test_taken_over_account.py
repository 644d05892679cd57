"""An account where the earlier service ran: adopted with its data, and lent to reviews."""

from __future__ import annotations

import json

import pytest

from tests.integration.adopted_account import RETRY_QUEUE, WORKER, AdoptedAccount
from tests.ops.adoption.earlier.installation import CLEAR_TOKEN


@pytest.mark.workerd
@pytest.mark.requirement("S0-15", "S0-16")
def test_the_plan_names_what_is_there_and_the_consumer_that_is_replaced(
    adopted: AdoptedAccount,
) -> None:
    assert {item["id"] for item in adopted.report["adopt"]} == set(adopted.ids.values())
    assert adopted.report["replace"] == [{"consumer": WORKER, "queue": RETRY_QUEUE}]
    assert adopted.report["earlier_rows"]["user_configs"] == 4


@pytest.mark.workerd
@pytest.mark.requirement("S0-15", "S0-16")
def test_nothing_is_made_twice_and_every_id_stays(adopted: AdoptedAccount) -> None:
    assert adopted.report["deployment"]["changes"]["import"] == 5
    outputs = adopted.installation.outputs()
    kept = ("d1_database_id", "kv_namespace_id", "retry_queue_id", "failed_queue_id", "worker_id")
    assert [outputs[name] for name in kept] == list(adopted.ids.values())
    assert len(adopted.call("GET", "d1/database")) == 1
    assert len(adopted.call("GET", "queues")) == 2
    consumers = adopted.call("GET", f"queues/{adopted.ids['retry']}/consumers")
    assert [item["consumer_id"] for item in consumers] == [outputs["retry_consumer_id"]]


@pytest.mark.workerd
@pytest.mark.requirement("C-0.28", "S0-15")
def test_the_earlier_data_is_there_encrypted_and_a_second_up_changes_nothing(
    adopted: AdoptedAccount,
) -> None:
    stored = adopted.rows("SELECT config_data FROM user_configs")
    assert len(stored) == 4
    assert all(row["config_data"].startswith("enc:v2:") for row in stored)
    tables = adopted.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    assert not any(row["name"].startswith("earlier_") for row in tables)
    assert CLEAR_TOKEN not in json.dumps(adopted.report)
    with adopted.installation.service() as service:
        shown = service.result("GET", "/api/user-configs", query={"user_id": "user-0"})
        logs = service.result("GET", "/api/notification-logs", query={"user_id": "user-0"})
    assert "chat_id" in json.dumps(shown)
    assert CLEAR_TOKEN not in json.dumps(shown)
    [log] = logs["data"]["logs"]
    assert (log["message_id"], log["created_at"]) == ("msg-0", "2025-01-05T10:00:00.000Z")

    again = adopted.installation.ctl_json("up", "--stack", "local", "--skip-verify")
    assert set(again["changes"]) == {"same"}, again["changes"]
    nothing = adopted.installation.ctl_json("import", "--stack", "local", "--yes")
    assert nothing["adopt"] == []


@pytest.mark.soak
@pytest.mark.workerd
@pytest.mark.requirement("S0-67", "S0-107")
def test_a_pull_request_has_its_own_stack_until_it_is_swept(adopted: AdoptedAccount) -> None:
    made = adopted.installation
    first = made.ctl_json("pr", "up", "7", "--from", "local", "--skip-verify")
    assert first["stack"] == "pr-7"
    workers = {worker["name"] for worker in adopted.call("GET", "workers/workers")}
    assert workers == {WORKER, "notification-system-pr-7"}
    schedules = adopted.call("GET", "workers/scripts/notification-system-pr-7/schedules")
    assert schedules["schedules"] == []

    kept = made.ctl_json("pr", "sweep", "--from", "local", "--open", "7,12")
    assert (kept["kept"], kept["removed"]) == (["pr-7"], [])
    swept = made.ctl_json("pr", "sweep", "--from", "local", "--open", "12")
    assert (swept["kept"], swept["removed"]) == ([], ["pr-7"])
    assert len(adopted.call("GET", "workers/workers")) == 1
    assert [path.name for path in made.home.rglob("*pr-7*")] == []
    gone = made.ctl_json("pr", "destroy", "7", "--from", "local")
    assert gone["removed"] is False
