"""An account where the earlier service runs: adopted with its data, probed for drift, emptied."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.installation import Installation
from tests.ops.earlier.account import ACCOUNT, make_earlier_account
from tests.ops.earlier.installation import CLEAR_TOKEN

NAMES = {
    "database": "notification-system-local",
    "namespace": "CONFIG_CACHE-local",
    "retry": "retry-queue-local",
    "failed": "failed-queue-local",
    "worker": "notification-system-local",
}
SETTINGS = {
    "testClock": True,
    "customDomain": "notify.example.test",
    "zoneName": "example.test",
    "routePattern": "api.example.test/notify*",
}
LISTINGS = ("d1/database", "storage/kv/namespaces", "queues", "workers/workers", "workers/domains")
WORKER = NAMES["worker"]


@dataclass
class Adopted:
    """The installation after its adoption, what was there before, and what the command said."""

    installation: Installation
    ids: dict[str, str]
    report: dict[str, Any]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A call past Pulumi and the project: what somebody does in the dashboard."""
        answer = self.installation.control(method, f"{ACCOUNT}/{path}", json=body)
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"
        return answer.json()["result"] if answer.content else None

    def rows(self, sql: str) -> list[dict[str, Any]]:
        path = f"d1/database/{self.ids['database']}/query"
        found: list[dict[str, Any]] = self.call("POST", path, {"sql": sql})[0]["results"]
        return found

    def drift(self, *options: str) -> tuple[int, dict[str, Any]]:
        result = self.installation.ctl("drift", "--stack", "local", "--json", *options)
        assert result.stdout, result.stderr
        return result.returncode, json.loads(result.stdout)


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adopted]:
    made = Installation(tmp_path_factory.mktemp("adopted"), settings=SETTINGS)
    try:
        assert made.ctl("local", "start").returncode == 0
        ids = make_earlier_account(made, NAMES)
        options = ("--yes", "--skip-verify")
        yield Adopted(made, ids, made.ctl_json("adopt", "--stack", "local", *options))
    finally:
        made.close()


@pytest.mark.workerd
@pytest.mark.requirement("S0-15", "S0-16")
def test_the_plan_names_what_is_there_and_the_consumer_that_is_replaced(adopted: Adopted) -> None:
    assert {item["id"] for item in adopted.report["adopt"]} == set(adopted.ids.values())
    assert adopted.report["replace"] == [{"consumer": WORKER, "queue": NAMES["retry"]}]
    assert adopted.report["earlier_rows"]["user_configs"] == 4


@pytest.mark.workerd
@pytest.mark.requirement("S0-15", "S0-16")
def test_nothing_is_made_twice_and_every_id_stays(adopted: Adopted) -> None:
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
    adopted: Adopted,
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
    nothing = adopted.installation.ctl_json("adopt", "--stack", "local", "--yes")
    assert nothing["adopt"] == []


def _newer_version(adopted: Adopted, change: Callable[[dict[str, Any]], None]) -> str:
    """Upload what serves now once more, changed, as wrangler would, and return its id."""
    worker = adopted.ids["worker"]
    serving = adopted.installation.outputs()["version_id"]
    path = f"workers/workers/{worker}/versions"
    version = adopted.call("GET", f"{path}/{serving}?include=modules")
    keep = ("modules", "main_module", "compatibility_date", "compatibility_flags", "bindings")
    body = {name: version[name] for name in keep}
    # A version without files has no binding to them.
    body["bindings"] = [one for one in body["bindings"] if one["type"] != "assets"]
    for binding in body["bindings"]:
        if binding["type"] == "secret_text":
            binding["text"] = "0" * 32 if binding["name"] == "ENCRYPT_KEY" else "0" * 64
    change(body)
    identifier: str = adopted.call("POST", path, body)["id"]
    return identifier


def _deploy_another(adopted: Adopted) -> None:
    version = _newer_version(adopted, lambda _: None)
    adopted.call(
        "POST",
        f"workers/scripts/{WORKER}/deployments",
        {
            "strategy": "percentage",
            "versions": [{"version_id": version, "percentage": 100}],
        },
    )


def _change_consumer(adopted: Adopted, queue: str, **changes: Any) -> None:
    path = f"queues/{adopted.ids[queue]}/consumers"
    [consumer] = adopted.call("GET", path)
    body = {
        name: consumer[name]
        for name in ("type", "script_name", "settings", "dead_letter_queue")
        if name in consumer
    }
    settings = {**body["settings"], **changes.pop("settings", {})}
    changed = {**body, **changes, "settings": settings}
    changed = {name: value for name, value in changed.items() if value is not None}
    adopted.call("PUT", f"{path}/{consumer['consumer_id']}", changed)


def _remove_consumer(adopted: Adopted) -> None:
    path = f"queues/{adopted.ids['failed']}/consumers"
    [consumer] = adopted.call("GET", path)
    adopted.call("DELETE", f"{path}/{consumer['consumer_id']}")


def _switch(adopted: Adopted, **changes: Any) -> None:
    path = f"workers/workers/{adopted.ids['worker']}"
    worker = adopted.call("GET", path)
    keep = ("name", "logpush", "observability", "tags", "tail_consumers", "subdomain")
    body = {name: worker[name] for name in keep}
    adopted.call("PUT", path, {**body, **changes})


def _remove_domain(adopted: Adopted) -> None:
    [domain] = adopted.call("GET", "workers/domains")
    adopted.call("DELETE", f"workers/domains/{domain['id']}")


def _remove_route(adopted: Adopted) -> None:
    outputs = adopted.installation.outputs()
    path = f"/client/v4/zones/{outputs['zone_id']}/workers/routes"
    [route] = adopted.installation.control("GET", path).json()["result"]
    answer = adopted.installation.control("DELETE", f"{path}/{route['id']}")
    assert answer.status_code == 200, answer.text


EDITS: dict[str, tuple[set[str], Callable[[Adopted], None]]] = {
    "another version": ({"deployment", "secrets"}, _deploy_another),
    "no cron": (
        {"cron"},
        lambda a: a.call("PUT", f"workers/scripts/{WORKER}/schedules", []),
    ),
    "another cron": (
        {"cron"},
        lambda a: a.call("PUT", f"workers/scripts/{WORKER}/schedules", [{"cron": "7 * * * *"}]),
    ),
    "batch size": (
        {"consumer settings"},
        lambda a: _change_consumer(a, "retry", settings={"batch_size": 99}),
    ),
    "no dead letters": (
        {"dead-letter queue"},
        lambda a: _change_consumer(a, "retry", dead_letter_queue=None),
    ),
    "no consumer": ({"consumer"}, _remove_consumer),
    "workers.dev": (
        {"workers.dev", "preview URLs"},
        lambda a: _switch(a, subdomain={"enabled": False, "previews_enabled": False}),
    ),
    "no observability": (
        {"observability"},
        lambda a: _switch(a, observability={"enabled": False, "head_sampling_rate": 1}),
    ),
    "no domain": ({"custom domain"}, _remove_domain),
    "no route": ({"route"}, _remove_route),
}
"""Edits past Pulumi, each with the kinds of drift that it is."""
BLIND = "workers.dev"
"""The edit after which the service can't be asked for its secrets."""


def unknown_kinds(found: dict[str, Any]) -> set[str]:
    return {unknown["kind"] for unknown in found["unknown"]}


@pytest.mark.workerd
@pytest.mark.requirement("PD-01", "PD-04", "PD-07")
def test_one_edit_of_each_kind_is_found_repaired_and_then_nothing_is_left(
    adopted: Adopted,
) -> None:
    wanted: set[str] = set()
    for name, (kinds, edit) in EDITS.items():
        if name not in ("another cron", BLIND):
            edit(adopted)
            wanted |= kinds
    code, found = adopted.drift()
    assert code == 7
    assert {finding["kind"] for finding in found["findings"]} == wanted
    assert found["unknown"] == []
    secret = adopted.installation.outputs()["api_secret_key"]
    assert secret not in json.dumps(found)

    kinds, edit = EDITS[BLIND]
    edit(adopted)
    code, repaired = adopted.drift("--repair")
    assert (code, repaired["findings"], repaired["unknown"]) == (0, [], [])
    # What the service alone can tell is no difference while it can't be asked.
    assert {finding["kind"] for finding in repaired["repaired"]} == wanted - {"secrets"} | kinds


@pytest.mark.soak
@pytest.mark.workerd
def test_forty_seeded_edits_are_all_found_and_repaired(adopted: Adopted) -> None:
    chosen = random.Random(20261122)  # noqa: S311 - which edit is made need not be secret
    for number in range(40):
        name = chosen.choice(sorted(EDITS))
        kinds, edit = EDITS[name]
        edit(adopted)
        code, found = adopted.drift()
        assert code == 7, f"edit {number}: {name}"
        assert {finding["kind"] for finding in found["findings"]} == kinds, name
        assert unknown_kinds(found) == ({"secrets"} if name == BLIND else set()), name
        code, repaired = adopted.drift("--repair")
        assert (code, repaired["findings"]) == (0, []), f"edit {number}: {name}"


@pytest.mark.soak
@pytest.mark.workerd
def test_what_nobody_edited_is_no_drift_and_a_second_pull_request_up_changes_nothing(
    adopted: Adopted,
) -> None:
    for _ in range(3):
        code, clean = adopted.drift()
        assert (code, clean["findings"], clean["unknown"]) == (0, [], []), "no false alarm"
    made = adopted.installation
    for expected in ({"create"}, {"same"}):
        report = made.ctl_json("pr", "up", "8", "--from", "local", "--skip-verify")
        assert set(report["changes"]) == expected, report["changes"]
    assert made.ctl_json("pr", "destroy", "8", "--from", "local")["removed"] is True


@pytest.mark.soak
@pytest.mark.workerd
@pytest.mark.requirement("S0-67", "S0-107")
def test_a_pull_request_has_its_own_stack_until_it_is_swept(adopted: Adopted) -> None:
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


@pytest.mark.workerd
@pytest.mark.requirement("PD-02", "PD-03", "T-8")
def test_one_destroy_leaves_an_empty_account(adopted: Adopted) -> None:
    result = adopted.installation.ctl("destroy", "--stack", "local", "--yes")
    assert result.returncode == 0, result.stderr
    assert {path: adopted.call("GET", path) for path in LISTINGS} == {path: [] for path in LISTINGS}
