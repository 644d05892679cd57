"""Workers, versions, deployments and schedules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.localcloud.running_cloud import MODULE, RunningCloud, deploy, version_body

SECRET = "canary-secret-value"
IDLE = "/workers/workers/idle/versions"  # of the shared control plane


@pytest.fixture
def worker(cloud: RunningCloud) -> str:
    """The path of a new Worker's versions."""
    identifier = cloud.result("POST", "/workers/workers", json={"name": "w"})["id"]
    return f"/workers/workers/{identifier}/versions"


def test_a_workers_name_is_unique_and_checked(cloud: RunningCloud, worker: str) -> None:
    assert cloud.error("POST", "/workers/workers", json={"name": "w"}) == (409, 10040)
    for name in ("W", "", "x" * 64, "a.b"):
        assert cloud.error("POST", "/workers/workers", json={"name": name}) == (400, 10026)
    assert cloud.error("GET", "/workers/workers/nope") == (404, 10007)


def test_put_replaces_a_worker_and_patch_changes_what_is_given(cloud: RunningCloud) -> None:
    body = {"name": "w", "logpush": True, "tags": ["a"], "subdomain": {"enabled": True}}
    path = f"/workers/workers/{cloud.result('POST', '/workers/workers', json=body)['id']}"
    patched = cloud.result("PATCH", path, json={"tags": ["b"]})
    assert (patched["tags"], patched["logpush"], patched["name"]) == (["b"], True, "w")
    replaced = cloud.result("PUT", path, json={"name": "v"})
    assert (replaced["tags"], replaced["logpush"], replaced["name"]) == ([], False, "v")
    assert replaced["subdomain"] == {"enabled": False, "previews_enabled": False}


def test_a_secret_is_given_to_the_runtime_and_never_shown(cloud: RunningCloud, worker: str) -> None:
    binding = {"type": "secret_text", "name": "KEY", "text": SECRET}
    version = cloud.result("POST", worker, json=version_body(bindings=[binding]))
    assert cloud.host.versions[version["id"]]["bindings"] == [binding]
    shown = [
        cloud.account("GET", path).text
        for path in (
            worker,
            f"{worker}/{version['id']}?include=modules",
            "/workers/scripts/w/versions",
            "/workers/scripts/w/settings",
        )
    ]
    assert version["bindings"] == [{"type": "secret_text", "name": "KEY"}]
    assert SECRET not in "".join(shown) + json.dumps(version)
    logs = [path.read_text() for path in cloud.home.logs.iterdir()]
    assert SECRET not in "".join(logs)


def test_modules_come_back_in_order_and_unchanged(cloud: RunningCloud, worker: str) -> None:
    data = {"name": "a/b.bin", "content_type": "application/octet-stream", "content_base64": "AP8="}
    version = cloud.result("POST", worker, json=version_body(modules=[data, MODULE]))
    assert "modules" not in version
    found = cloud.result("GET", f"{worker}/{version['id']}?include=modules")
    assert found["modules"] == [data, MODULE]


def test_annotations_are_kept_and_the_tag_reaches_the_worker(
    cloud: RunningCloud, worker: str
) -> None:
    notes = {"workers/message": "why", "workers/tag": "abc"}
    version = cloud.result("POST", worker, json=version_body(annotations=notes))
    assert version["annotations"] == {**notes, "workers/triggered_by": "upload"}
    metadata = cloud.host.versions[version["id"]]["metadata"]
    assert metadata == {"id": version["id"], "tag": "abc", "timestamp": version["created_on"]}


def test_a_long_message_is_cut_between_characters_and_a_long_tag_refused(
    cloud: RunningCloud, worker: str
) -> None:
    notes = {"workers/message": "m" * 999 + "\u20ac", "workers/tag": "t" * 100}
    version = cloud.result("POST", worker, json=version_body(annotations=notes))
    assert version["annotations"]["workers/message"] == "m" * 999
    assert version["annotations"]["workers/tag"] == "t" * 100
    longer = version_body(annotations={"workers/tag": "t" * 99 + "\u00fc"})
    assert cloud.error("POST", worker, json=longer) == (400, 10021)


@pytest.mark.parametrize(
    "changes",
    [
        {"main_module": "missing.py"},
        {"modules": []},
        {"modules": [MODULE, MODULE]},
        {"modules": [{**MODULE, "name": "../entry.py"}], "main_module": "../entry.py"},
        {"modules": [{**MODULE, "name": "/entry.py"}], "main_module": "/entry.py"},
        {"modules": [{**MODULE, "content_base64": "?"}]},
        {"modules": [MODULE, {**MODULE, "name": "entry.py/part.py"}]},
        {"modules": [MODULE, {**MODULE, "name": "a" * 256}]},
        {"compatibility_date": "yesterday"},
        {"bindings": [{"type": "plain_text", "name": "A", "text": "1"}] * 2},
        {"bindings": [{"type": "plain_text", "name": "1A", "text": "1"}]},
        {"bindings": [{"type": "r2_bucket", "name": "A"}]},
        {"bindings": [{"type": "ratelimit", "name": "A", "namespace_id": "1"}]},
        {"migrations": {"new_tag": "v1"}},
    ],
)
def test_an_invalid_upload_is_refused_and_stores_nothing(
    shared: RunningCloud, changes: dict[str, Any]
) -> None:
    def stored() -> tuple[int, list[str]]:
        return shared.local("GET", "/state")["versions"], list(shared.host.booted)

    before = stored()
    assert shared.error("POST", IDLE, json=version_body(**changes)) == (400, 10021)
    assert stored() == before


@pytest.mark.parametrize(
    ("binding", "code"),
    [
        ({"type": "d1", "name": "DB", "id": "nope"}, 10181),
        ({"type": "kv_namespace", "name": "KV", "namespace_id": "nope"}, 10041),
        ({"type": "queue", "name": "Q", "queue_name": "nope"}, 11000),
        ({"type": "service", "name": "S", "service": "nope"}, 10143),
        ({"type": "plain_text", "name": "T", "text": "x" * 5121}, 10054),
    ],
)
def test_a_binding_to_what_is_not_there_is_refused(
    shared: RunningCloud, binding: dict[str, str], code: int
) -> None:
    assert shared.error("POST", IDLE, json=version_body(bindings=[binding])) == (400, code)


def test_a_worker_that_does_not_start_is_refused_with_its_reason(
    cloud: RunningCloud, worker: str
) -> None:
    reason = "NameError: name 'x' is not defined (entry.py, line 3)"
    failed = {"error": {"code": "boot_failed", "message": reason}}
    cloud.host.boot = lambda _, __: (422, failed)
    response = cloud.account("POST", worker, json=version_body())
    assert response.status_code == 400
    assert response.json()["errors"] == [{"code": 10021, "message": reason}]
    assert cloud.local("GET", "/state")["versions"] == 0


def test_a_worker_that_another_one_calls_cannot_go(cloud: RunningCloud) -> None:
    called, _ = deploy(cloud, "called")
    caller, _ = deploy(
        cloud, "caller", bindings=[{"type": "service", "name": "S", "service": "called"}]
    )
    found = cloud.result("GET", f"/workers/workers/{called}")
    assert [entry["name"] for entry in found["references"]["workers"]] == ["caller"]
    assert cloud.error("DELETE", f"/workers/workers/{called}") == (400, 10069)
    cloud.result("DELETE", f"/workers/workers/{caller}")
    cloud.result("DELETE", f"/workers/workers/{called}")


def test_schedules_are_replaced_as_a_whole(cloud: RunningCloud, worker: str) -> None:
    path = "/workers/scripts/w/schedules"
    first = cloud.result("PUT", path, json=[{"cron": "*/5 * * * *"}, {"cron": "0 0 * * *"}])
    second = cloud.result("PUT", path, json=[{"cron": "0 0 * * *"}])
    assert second["schedules"] == [first["schedules"][1]]
    assert cloud.result("PUT", path, json=[]) == {"schedules": []}
    assert cloud.result("GET", path) == {"schedules": []}


@pytest.mark.parametrize("cron", ["* * * *", "60 * * * *", "* * * * 0", "x * * * *", ""])
def test_a_cron_that_cloudflare_refuses_is_refused(shared: RunningCloud, cron: str) -> None:
    body = [{"cron": cron}]
    assert shared.error("PUT", "/workers/scripts/idle/schedules", json=body) == (400, 10100)
