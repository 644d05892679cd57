"""What somebody edits outside Pulumi is drift: found, named and repaired. Then all of it goes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from ops.observe.drift.cloudflare_kinds import KINDS
from tests.integration.adopted_account import WORKER, AdoptedAccount
from tests.integration.input_edits import Account, edit_input, input_edits

LISTINGS = ("d1/database", "storage/kv/namespaces", "queues", "workers/workers", "workers/domains")


def _another_version(adopted: AdoptedAccount) -> str:
    """Upload what serves now once more with other secrets, as wrangler would; return its id."""
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
    identifier: str = adopted.call("POST", path, body)["id"]
    return identifier


def _deploy_another(adopted: AdoptedAccount) -> None:
    version = _another_version(adopted)
    adopted.call(
        "POST",
        f"workers/scripts/{WORKER}/deployments",
        {
            "strategy": "percentage",
            "versions": [{"version_id": version, "percentage": 100}],
        },
    )


def _change_consumer(adopted: AdoptedAccount, queue: str, **changes: Any) -> None:
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


def _remove_consumer(adopted: AdoptedAccount) -> None:
    path = f"queues/{adopted.ids['failed']}/consumers"
    [consumer] = adopted.call("GET", path)
    adopted.call("DELETE", f"{path}/{consumer['consumer_id']}")


def _switch(adopted: AdoptedAccount, **changes: Any) -> None:
    path = f"workers/workers/{adopted.ids['worker']}"
    worker = adopted.call("GET", path)
    keep = ("name", "logpush", "observability", "tags", "tail_consumers", "subdomain")
    body = {name: worker[name] for name in keep}
    adopted.call("PUT", path, {**body, **changes})


def _remove_domain(adopted: AdoptedAccount) -> None:
    [domain] = adopted.call("GET", "workers/domains")
    adopted.call("DELETE", f"workers/domains/{domain['id']}")


def _remove_route(adopted: AdoptedAccount) -> None:
    outputs = adopted.installation.outputs()
    path = f"/client/v4/zones/{outputs['zone_id']}/workers/routes"
    [route] = adopted.installation.control("GET", path).json()["result"]
    answer = adopted.installation.control("DELETE", f"{path}/{route['id']}")
    assert answer.status_code == 200, answer.text


EDITS: dict[str, tuple[set[str], Callable[[AdoptedAccount], None]]] = {
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
"""Edits outside Pulumi, each with the kinds of drift that it is."""
BLIND = "workers.dev"
"""The edit after which the service can't be asked for its secrets."""


def unknown_kinds(found: dict[str, Any]) -> set[str]:
    return {unknown["kind"] for unknown in found["unknown"]}


@pytest.mark.workerd
@pytest.mark.requirement("PD-01", "PD-04", "PD-07")
def test_one_edit_of_each_kind_is_found_repaired_and_then_nothing_is_left(
    adopted: AdoptedAccount,
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


@pytest.mark.workerd
@pytest.mark.requirement("PD-01")
def test_every_input_of_the_deployed_stack_is_changed_by_the_api_and_found(
    adopted: AdoptedAccount,
) -> None:
    account = Account(adopted)
    # Of the kinds in a service's stack there is one of each; an access stack has the tokens.
    assert {one.type for one in account.managed} >= KINDS.keys() - {"cloudflare:AccountToken"}
    account.call("POST", "workers/workers", {"name": "shop"})
    queue = account.call("POST", "queues", {"queue_name": "shops-queue"})["queue_id"]
    edits = list(input_edits(account))
    assert len(edits) > 20
    for one in edits:
        if one.is_one_way:
            continue
        managed = account.named(one.resource)
        assert account.kinds(managed) == [], one
        undo = edit_input(account, managed, one.path)
        assert one.kind in account.kinds(managed), one
        undo()
        assert account.kinds(managed) == [], one

    left = [one for one in edits if one.is_one_way]
    while left:
        # One of each resource at once: a repair takes longer than all of them.
        now = {one.resource: one for one in reversed(left)}
        undone = [
            edit_input(account, account.named(one.resource), one.path) for one in now.values()
        ]
        for one in now.values():
            assert one.kind in account.kinds(account.named(one.resource)), one
        for undo in undone:
            undo()
        code, repaired = adopted.drift("--repair")
        assert (code, repaired["findings"], repaired["unknown"]) == (0, [], [])
        left = [one for one in left if one not in now.values()]
    account.call("DELETE", f"queues/{queue}")
    account.call("DELETE", "workers/workers/shop")


@pytest.mark.soak
@pytest.mark.workerd
def test_forty_seeded_edits_are_all_found_and_repaired(adopted: AdoptedAccount) -> None:
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
    adopted: AdoptedAccount,
) -> None:
    for _ in range(3):
        code, clean = adopted.drift()
        assert (code, clean["findings"], clean["unknown"]) == (0, [], []), "no false alarm"
    made = adopted.installation
    for expected in ({"create"}, {"same"}):
        report = made.ctl_json("pr", "up", "8", "--from", "local", "--skip-verify")
        assert set(report["changes"]) == expected, report["changes"]
    assert made.ctl_json("pr", "destroy", "8", "--from", "local")["removed"] is True


@pytest.mark.workerd
@pytest.mark.requirement("PD-02", "PD-03", "T-8")
def test_one_destroy_leaves_an_empty_account(adopted: AdoptedAccount) -> None:
    result = adopted.installation.ctl("destroy", "--stack", "local", "--yes")
    assert result.returncode == 0, result.stderr
    assert {path: adopted.call("GET", path) for path in LISTINGS} == {path: [] for path in LISTINGS}
